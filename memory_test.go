package paradise_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/memnet"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

var (
	serverAddr = netip.MustParseAddrPort("192.0.2.1:21")
	clientAddr = netip.MustParseAddr("198.51.100.7")
	otherAddr  = netip.MustParseAddr("203.0.113.9")
)

// world is a server in memory, with everything that a test wants to hold
// against it.
type world struct {
	t     *testing.T
	net   *memnet.Network
	srv   *paradise.Server
	files *memfs.FS
	count *paradisetest.Counter
}

// inMemory runs a test in a bubble of its own. At its end nothing may be left:
// no connection, no listener, no goroutine, no upload without an ending.
func inMemory(t *testing.T, change func(*paradise.Server), test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: memnet.New(), files: memfs.New()}
		w.srv = &paradise.Server{
			Auth:   paradise.Accounts{"auser": "secret"},
			Files:  w.files,
			Limits: paradise.Limits{FailedDelay: -1},

			FirstIDs: paradise.IDs{Session: 1, Channel: 1},
			Logger:   slog.New(slog.DiscardHandler),
		}
		if change != nil {
			change(w.srv)
		}
		w.count = paradisetest.Count(w.srv.Files)
		w.srv.Files = w.count
		paradise.InMemory(w.srv, w.net)
		l, err := w.net.Listen(serverAddr)
		require.NoError(t, err)
		served := make(chan error, 1)
		go func() { served <- w.srv.Serve(l) }()
		synctest.Wait()
		defer w.srv.Close()
		test(w)
		w.srv.Close()
		require.ErrorIs(t, <-served, paradise.ErrServerClosed)
		synctest.Wait()
		s := w.srv.Stats()
		require.Empty(t, s.Sessions, "sessions are left")
		require.Zero(t, s.Unexpected, "a reply outside the command table")
		require.Zero(t, s.PassiveListeners, "passive listeners are left")
		w.count.Check(t)
		require.Zero(t, w.net.Open(), "connections or listeners are left")
	})
}

// client is a control connection that a test drives by hand.
type client struct {
	w    *world
	conn *memnet.Conn
	r    *bufio.Reader
}

func (w *world) dial() *client {
	c := w.dialFrom(clientAddr)
	c.expect(220)
	return c
}

func (w *world) dialFrom(a netip.Addr) *client {
	w.t.Helper()
	conn, err := w.net.Dial(context.Background(), netip.AddrPortFrom(a, 0), serverAddr)
	require.NoError(w.t, err)
	return &client{w: w, conn: conn, r: bufio.NewReader(conn)}
}

func (w *world) login() *client {
	c := w.dial()
	c.cmd(331, "USER auser")
	c.cmd(230, "PASS secret")
	return c
}

func (c *client) send(format string, args ...any) {
	c.w.t.Helper()
	_, err := fmt.Fprintf(c.conn, format+"\r\n", args...)
	require.NoError(c.w.t, err)
}

// expect reads one whole reply.
func (c *client) expect(code int) string {
	c.w.t.Helper()
	first, err := c.r.ReadString('\n')
	require.NoError(c.w.t, err, "want %d", code)
	text := first
	for line := first; len(first) > 3 && first[3] == '-' && !strings.HasPrefix(line, first[:3]+" "); text += line {
		line, err = c.r.ReadString('\n')
		require.NoError(c.w.t, err)
	}
	require.Equal(c.w.t, strconv.Itoa(code), text[:3], text)
	return strings.TrimRight(text, "\r\n")
}

// expectAny reads one whole reply, whatever it says.
func (c *client) expectAny() string {
	c.w.t.Helper()
	code, err := c.r.Peek(3)
	require.NoError(c.w.t, err)
	n, err := strconv.Atoi(string(code))
	require.NoError(c.w.t, err)
	return c.expect(n)
}

func (c *client) cmd(code int, format string, args ...any) string {
	c.w.t.Helper()
	c.send(format, args...)
	return c.expect(code)
}

// closed awaits the end of the control connection.
func (c *client) closed() {
	c.w.t.Helper()
	_, err := c.r.ReadByte()
	require.Error(c.w.t, err)
	c.conn.Close()
}

func (c *client) quit() {
	c.w.t.Helper()
	c.cmd(221, "QUIT")
	c.closed()
}

var epsvPort = regexp.MustCompile(`\(\|\|\|(\d+)\|\)`)

// epsv offers a data channel and returns its address.
func (c *client) epsv() netip.AddrPort {
	c.w.t.Helper()
	port, err := strconv.ParseUint(epsvPort.FindStringSubmatch(c.cmd(229, "EPSV"))[1], 10, 16)
	require.NoError(c.w.t, err)
	return netip.AddrPortFrom(serverAddr.Addr(), uint16(port))
}

func (w *world) data(from netip.Addr, to netip.AddrPort) *memnet.Conn {
	w.t.Helper()
	conn, err := w.net.Dial(context.Background(), netip.AddrPortFrom(from, 0), to)
	require.NoError(w.t, err)
	return conn
}

// begin starts a transfer and returns its data connection.
func (c *client) begin(format string, args ...any) *memnet.Conn {
	c.w.t.Helper()
	addr := c.epsv()
	d := c.w.data(clientAddr, addr)
	c.cmd(150, format, args...)
	return d
}

func (w *world) content(name string) string {
	w.t.Helper()
	b, err := w.files.Get(name)
	require.NoError(w.t, err)
	return string(b)
}

func (w *world) missing(name string) {
	w.t.Helper()
	_, err := w.files.Get(name)
	require.Error(w.t, err, "%s must not be there", name)
}

func addrOf(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

var _ net.Conn = (*memnet.Conn)(nil)
