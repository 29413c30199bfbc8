package paradise_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

// What one client asks for holds up no other: logins and digests.

// slowAuth takes a second for each login and counts those that are under way.
type slowAuth struct {
	mu                 sync.Mutex
	asked, now, atOnce int
}

func (a *slowAuth) Authenticate(_ context.Context, _ *paradise.Session, c paradise.Credentials) (*paradise.User, error) {
	a.count(1)
	time.Sleep(time.Second)
	a.count(-1)
	if c.Password != "secret" {
		return nil, paradise.ErrBadCredentials
	}
	return &paradise.User{}, nil
}

func (a *slowAuth) count(d int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now += d
	a.asked += max(d, 0)
	a.atOnce = max(a.atOnce, a.now)
}

// logins tries n logins at once from the usual address, and returns their last replies,
// counted by code.
func (w *world) logins(n int, password string) func() map[string]int {
	codes := make(chan string, n)
	for i := range n {
		c := w.dial()
		c.cmd(331, "USER user%d", i)
		c.send("PASS " + password)
		go func() {
			line, _ := c.r.ReadString('\n')
			codes <- line[:min(3, len(line))]
			c.conn.Close()
		}()
	}
	synctest.Wait()
	return func() map[string]int {
		count := make(map[string]int)
		for range n {
			count[<-codes]++
		}
		return count
	}
}

func TestLoginsOfOneAddressWaitForEachOtherAndForNobodyElse(t *testing.T) {
	auth := &slowAuth{}
	inMemory(t, func(srv *paradise.Server) { srv.Auth = auth }, func(w *world) {
		ends := w.logins(20, "secret")
		require.Equal(t, 4, auth.now, "Limits.LoginsAtOnce")
		began := time.Now()
		other := w.dialFrom(otherAddr)
		other.expect(220)
		other.cmd(331, "USER auser")
		other.cmd(230, "PASS secret")
		require.Equal(t, time.Second, time.Since(began))
		other.quit()
		require.Equal(t, map[string]int{"230": 20}, ends(), "who waits is served in the end")
		require.Equal(t, 5, int(time.Since(began)/time.Second))
	})
	require.Equal(t, 5, auth.atOnce, "and one of the other address")
}

func TestGuessesAtOnceGetNoFurtherThanGuessesInARow(t *testing.T) {
	for _, atOnce := range []int{0, 1, -1} {
		auth := &slowAuth{}
		inMemory(t, func(srv *paradise.Server) {
			srv.Auth = auth
			srv.Limits.BanAfter = 10
			srv.Limits.LoginsAtOnce = atOnce
		}, func(w *world) {
			require.Equal(t, map[string]int{"530": 10, "421": 90}, w.logins(100, "guess")())
			banned := w.dialFrom(clientAddr)
			banned.expect(421)
			banned.closed()
		})
		require.Equal(t, 10, auth.asked)
	}
}

func TestRightLoginsAtOnceAreNoGuesses(t *testing.T) {
	auth := &slowAuth{}
	inMemory(t, func(srv *paradise.Server) {
		srv.Auth = auth
		srv.Limits.BanAfter = 3
	}, func(w *world) {
		require.Equal(t, map[string]int{"230": 100}, w.logins(100, "secret")())
	})
}

func TestALoginThatWaitsForItsTurnEndsInTime(t *testing.T) {
	auth := &slowAuth{}
	inMemory(t, func(srv *paradise.Server) {
		srv.Auth = auth
		srv.Limits.LoginsAtOnce = 1
		srv.Timeouts.Login = 9500 * time.Millisecond
		srv.Timeouts.Driver = 3 * time.Second // waiting is no driver's fault
	}, func(w *world) {
		began := time.Now()
		codes := w.logins(30, "secret")()
		require.Equal(t, 10*time.Second, time.Since(began))
		require.Equal(t, map[string]int{"230": 10, "421": 20}, codes, "whose turn came in time was not cut short")
	})
}

func TestALoginThatWaitsForItsTurnIsClosedWithTheServer(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Auth = &slowAuth{}
		srv.Limits.LoginsAtOnce = 1
	}, func(w *world) {
		ends := w.logins(10, "secret")
		require.NoError(t, w.srv.Close())
		require.Equal(t, map[string]int{"421": 10}, ends())
	})
}

// gate is an AuthDriver that lets logins through when the test says so.
type gate struct {
	asked  chan string
	open   chan struct{}
	ctxEnd chan error
}

func newGate() *gate {
	return &gate{asked: make(chan string, 100), open: make(chan struct{}), ctxEnd: make(chan error, 100)}
}

func (g *gate) Authenticate(ctx context.Context, _ *paradise.Session, c paradise.Credentials) (*paradise.User, error) {
	g.asked <- c.User
	select {
	case <-g.open:
		return &paradise.User{}, nil
	case <-ctx.Done():
		g.ctxEnd <- context.Cause(ctx)
		return nil, ctx.Err()
	}
}

// atTCP serves on loopback for a test that needs a kernel between it and its client.
func atTCP(t *testing.T, srv *paradise.Server) (dial func() *net.TCPConn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		require.ErrorIs(t, <-served, paradise.ErrServerClosed)
	})
	return func() *net.TCPConn {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(30 * time.Second))
		return c.(*net.TCPConn)
	}
}

// dialData opens the passive data connection whose 229 comes next.
func dialData(t *testing.T, c net.Conn) *net.TCPConn {
	port := epsvPort.FindStringSubmatch(await(t, c, "229"))[1]
	d, err := net.Dial("tcp", "127.0.0.1:"+port)
	require.NoError(t, err)
	return d.(*net.TCPConn)
}

// await reads replies until one has this code, and returns them.
func await(t *testing.T, c net.Conn, code string) string {
	t.Helper()
	var text []byte
	for buf := make([]byte, 1); ; {
		_, err := c.Read(buf) // one byte: what comes behind it stays
		require.NoError(t, err, "want %s: %s", code, text)
		text = append(text, buf[0])
		if line := text[bytes.LastIndexByte(text[:len(text)-1], '\n')+1:]; buf[0] == '\n' && bytes.HasPrefix(line, []byte(code+" ")) {
			return string(text)
		}
	}
}

func TestNobodyIsAskedAboutAClientThatHasGone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells that a client has gone")
	}
	for name, leave := range map[string]func(c *net.TCPConn){
		"reset": func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
		"close": func(c *net.TCPConn) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate()
			srv := quiet(&paradise.Server{Auth: g, Limits: paradise.Limits{LoginsAtOnce: 1}})
			dial := atTCP(t, srv)
			first := dial()
			io.WriteString(first, "USER first\r\nPASS x\r\n")
			require.Equal(t, "first", <-g.asked)
			for i := range 20 {
				c := dial()
				fmt.Fprintf(c, "USER dead%d\r\n", i)
				await(t, c, "331")
				io.WriteString(c, "PASS x\r\n")
				leave(c)
			}
			for srv.Stats().Refused["gone"] < 20 { // while the first is still being asked about
				runtime.Gosched()
			}
			script := dial()
			io.WriteString(script, "USER script\r\nPASS x\r\nSTAT\r\nQUIT\r\n")
			require.NoError(t, script.CloseWrite())
			close(g.open)
			await(t, first, "230")
			await(t, script, "221") // it has said its last, but reads
			require.Equal(t, "script", <-g.asked)
			require.Empty(t, g.asked)
		})
	}
}

func TestTheContextOfALoginEndsWithTheClient(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells that a client has gone")
	}
	g := newGate()
	srv := quiet(&paradise.Server{Auth: g, Limits: paradise.Limits{BanAfter: 1}})
	dial := atTCP(t, srv)
	c := dial()
	io.WriteString(c, "USER first\r\nPASS x\r\n")
	require.Equal(t, "first", <-g.asked)
	c.SetLinger(0)
	c.Close()
	require.ErrorContains(t, <-g.ctxEnd, "gone")
	close(g.open)
	again := dial()
	io.WriteString(again, "USER again\r\nPASS x\r\n")
	await(t, again, "230") // and it was no failure
}

func quiet(srv *paradise.Server) *paradise.Server {
	srv.Logger = slog.New(slog.DiscardHandler)
	return srv
}

// bigFiles are read in one buffer after the other, and counted; their end never comes.
type bigFiles struct {
	paradise.FileDriver
	buffers atomic.Int64
	closed  chan struct{}
}

func (d *bigFiles) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	if name == "/big" {
		return paradise.Entry{Name: "big", Size: 1 << 60}, nil
	}
	return d.FileDriver.Stat(ctx, s, name)
}

func (d *bigFiles) Open(ctx context.Context, s *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	if name == "/big" {
		return &bigFile{d}, nil
	}
	return d.FileDriver.Open(ctx, s, name, offset)
}

func smallFile() *memfs.FS {
	files := memfs.New()
	files.Put("/small", []byte("ok"))
	return files
}

type bigFile struct{ d *bigFiles }

func (f *bigFile) Read(p []byte) (int, error) {
	f.d.buffers.Add(1)
	return len(p), nil
}

func (f *bigFile) Close() error {
	f.d.closed <- struct{}{}
	return nil
}

func TestDigestsOfLargeFilesHoldUpNoOthers(t *testing.T) {
	files := &bigFiles{FileDriver: smallFile(), closed: make(chan struct{}, 1000)}
	srv := quiet(&paradise.Server{Auth: paradise.Accounts{"auser": "secret"}, Files: files})
	dial := atTCP(t, srv)
	login := func() net.Conn {
		c := dial()
		io.WriteString(c, "USER auser\r\nPASS secret\r\n")
		await(t, c, "230")
		return c
	}
	many := runtime.GOMAXPROCS(0) + 3
	for range many {
		io.WriteString(login(), "XSHA512 big\r\n")
	}
	c := login()
	for files.buffers.Load() < int64(10*many) { // they run
		runtime.Gosched()
	}
	io.WriteString(c, "XCRC small\r\n")
	await(t, c, "250")
	io.WriteString(c, "XCRC big\r\nABOR\r\n")
	await(t, c, "426")
	<-files.closed
}

func TestADigestEndsWithAClientWhoseCommandsFillTheQueue(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells that a client has gone")
	}
	for name, leave := range map[string]func(c *net.TCPConn){
		"reset": func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
		"close": func(c *net.TCPConn) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			files := &bigFiles{FileDriver: smallFile(), closed: make(chan struct{}, 1000)}
			dial := atTCP(t, quiet(&paradise.Server{Auth: paradise.Accounts{"auser": "secret"}, Files: files}))
			c := dial()
			io.WriteString(c, "USER auser\r\nPASS secret\r\n")
			await(t, c, "230")
			io.WriteString(c, "XSHA512 big\r\n"+strings.Repeat("PWD\r\n", 40))
			for files.buffers.Load() < 10 {
				runtime.Gosched()
			}
			leave(c)
			select {
			case <-files.closed:
			case <-time.After(20 * time.Second):
				t.Fatal("the digest goes on for a client that has gone")
			}
		})
	}
}
