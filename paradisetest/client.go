package paradisetest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Reply is a whole reply of a server.
type Reply struct {
	Code  int
	Lines []string // as received, without line ends; the first starts with Code
}

// Text returns the last line without its code.
func (r Reply) Text() string {
	if len(r.Lines) == 0 {
		return ""
	}
	last := r.Lines[len(r.Lines)-1]
	return last[min(4, len(last)):]
}

// String returns all lines, separated by line feeds.
func (r Reply) String() string { return strings.Join(r.Lines, "\n") }

// Client is a raw FTP client for tests of the protocol. It sends given lines or bytes
// and interprets nothing. An error on one of its connections fails the test at once. It
// must be used on the test's own goroutine.
type Client struct {
	Greeting Reply
	TLS      *tls.Config // for StartTLS and data connections; Dial sets one that trusts every certificate

	tb      testing.TB
	conn    net.Conn
	lines   *bufio.Reader
	private bool // data connections use TLS
}

// clientWait bounds every read and write of a client.
const clientWait = 10 * time.Second

// Dial connects to the server and reads its greeting. The connection is closed
// when the test ends.
func (s *Server) Dial() *Client {
	s.tb.Helper()
	return Dial(s.tb, s.Addr)
}

// Dial connects to any FTP server and reads its greeting.
func Dial(tb testing.TB, addr string) *Client {
	tb.Helper()
	c := connect(tb, addr)
	c.Greeting = c.Reply()
	return c
}

func connect(tb testing.TB, addr string) *Client {
	tb.Helper()
	conn, err := net.DialTimeout("tcp", addr, clientWait)
	if err != nil {
		tb.Fatalf("paradisetest: %v", err)
	}
	tb.Cleanup(func() { conn.Close() })
	return &Client{tb: tb, conn: conn, lines: bufio.NewReader(conn), TLS: anyCertificate()}
}

// anyCertificate returns a configuration that trusts every certificate and resumes TLS
// sessions on data connections, as real clients do.
func anyCertificate() *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, // the test's own server has a self-signed certificate
		ServerName:         "localhost",
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
}

// Close closes the control connection without QUIT.
func (c *Client) Close() error { return c.conn.Close() }

// Cmd sends a line and reads one reply.
func (c *Client) Cmd(format string, args ...any) Reply {
	c.tb.Helper()
	c.Send(fmt.Sprintf(format, args...) + "\r\n")
	return c.Reply()
}

// Expect is like Cmd, and fails the test if the reply has another code.
func (c *Client) Expect(code int, format string, args ...any) Reply {
	c.tb.Helper()
	r := c.Cmd(format, args...)
	if r.Code != code {
		c.tb.Fatalf("%s: got %q, want %d", fmt.Sprintf(format, args...), r, code)
	}
	return r
}

// Send sends raw unchanged.
func (c *Client) Send(raw string) {
	c.tb.Helper()
	c.conn.SetWriteDeadline(time.Now().Add(clientWait))
	if _, err := io.WriteString(c.conn, raw); err != nil {
		c.tb.Fatalf("paradisetest: send %q: %v", raw, err)
	}
}

// Reply reads a reply of one or several lines (RFC 959, 4.2).
func (c *Client) Reply() Reply {
	c.tb.Helper()
	r, err := c.read()
	if err != nil {
		c.tb.Fatalf("paradisetest: reply: %v (read so far: %q)", err, r.Lines)
	}
	return r
}

// Closed reads until the server closes or resets the control connection, and returns
// the bytes received before that.
func (c *Client) Closed() string {
	c.tb.Helper()
	c.conn.SetReadDeadline(time.Now().Add(clientWait))
	rest, err := io.ReadAll(c.lines)
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		c.tb.Fatalf("paradisetest: the server did not close the control connection: %v", err)
	}
	return string(rest)
}

func (c *Client) read() (Reply, error) {
	var r Reply
	for {
		line, err := c.readLine()
		if err != nil {
			return r, err
		}
		r.Lines = append(r.Lines, line)
		if len(r.Lines) == 1 {
			if r.Code, err = replyCode(line); err != nil {
				return r, err
			}
		}
		if isLast(line, r.Code) {
			return r, nil
		}
	}
}

func (c *Client) readLine() (string, error) {
	c.conn.SetReadDeadline(time.Now().Add(clientWait))
	line, err := c.lines.ReadString('\n')
	if err != nil {
		return line, err
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok {
		return line, fmt.Errorf("line ends with LF alone: %q", line)
	}
	return text, nil
}

// replyCode returns the code at the start of a reply's first line.
func replyCode(line string) (int, error) {
	if len(line) < 4 || line[3] != ' ' && line[3] != '-' {
		return 0, fmt.Errorf("not the start of a reply: %q", line)
	}
	code, err := strconv.ParseUint(line[:3], 10, 16)
	if err != nil || code < 100 || code > 699 {
		return 0, fmt.Errorf("not a reply code: %q", line)
	}
	return int(code), nil
}

// isLast reports whether line is the last one of a reply with this code.
func isLast(line string, code int) bool {
	return len(line) >= 4 && line[3] == ' ' && line[:3] == strconv.Itoa(code)
}

// Login logs in as [User].
func (c *Client) Login() {
	c.tb.Helper()
	c.LoginAs(User, Password)
}

// LoginAs logs in as any user.
func (c *Client) LoginAs(user, password string) {
	c.tb.Helper()
	c.Expect(331, "USER %s", user)
	c.Expect(230, "PASS %s", password)
}

// StartTLS sends AUTH TLS and secures the control connection. Private secures the data
// connections too.
func (c *Client) StartTLS() {
	c.tb.Helper()
	c.Expect(234, "AUTH TLS")
	if err := c.secure(); err != nil {
		c.tb.Fatalf("paradisetest: %v", err)
	}
}

func (c *Client) secure() error {
	conn := tls.Client(c.conn, c.TLS)
	c.conn.SetDeadline(time.Now().Add(clientWait))
	if err := conn.Handshake(); err != nil {
		return err
	}
	c.conn.SetDeadline(time.Time{})
	c.conn = conn
	c.lines = bufio.NewReader(conn)
	return nil
}

// Private sends PBSZ 0 and PROT P.
func (c *Client) Private() {
	c.tb.Helper()
	c.Expect(200, "PBSZ 0")
	c.Expect(200, "PROT P")
	c.private = true
}

var (
	pasvReply = regexp.MustCompile(`^227 .*\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)`)
	epsvReply = regexp.MustCompile(`^229 .*\(\|\|\|(\d+)\|\)`)
)

// EPSV asks for a data port and returns its address; Data connects to it.
func (c *Client) EPSV() string {
	c.tb.Helper()
	return c.dataAddr(c.Expect(229, "EPSV"))
}

// PASV is like EPSV, with the older command.
func (c *Client) PASV() string {
	c.tb.Helper()
	return c.dataAddr(c.Expect(227, "PASV"))
}

func (c *Client) dataAddr(r Reply) string {
	c.tb.Helper()
	addr, ok := passiveAddr(r.String(), c.conn.RemoteAddr())
	if !ok {
		c.tb.Fatalf("paradisetest: no address in %q", r)
	}
	return addr
}

// passiveAddr returns the address in a 227 or 229 reply.
func passiveAddr(line string, control net.Addr) (string, bool) {
	if m := pasvReply.FindStringSubmatch(line); m != nil {
		high, _ := strconv.Atoi(m[5])
		low, _ := strconv.Atoi(m[6])
		return net.JoinHostPort(strings.Join(m[1:5], "."), strconv.Itoa(high<<8|low)), true
	}
	if m := epsvReply.FindStringSubmatch(line); m != nil {
		host, _, err := net.SplitHostPort(control.String())
		return net.JoinHostPort(host, m[1]), err == nil
	}
	return "", false
}

// Data opens a data connection to addr. After Private it uses TLS, with the handshake at
// the first Read or Write. The connection is closed when the test ends.
func (c *Client) Data(addr string) net.Conn {
	c.tb.Helper()
	conn, err := net.DialTimeout("tcp", addr, clientWait)
	if err != nil {
		c.tb.Fatalf("paradisetest: data connection: %v", err)
	}
	c.tb.Cleanup(func() { conn.Close() })
	return c.data(conn)
}

func (c *Client) data(conn net.Conn) net.Conn {
	conn.SetDeadline(time.Now().Add(clientWait))
	if c.private {
		return tls.Client(conn, c.TLS)
	}
	return conn
}

// Store uploads data with a command such as "STOR name" and returns the final reply.
func (c *Client) Store(command, data string) Reply {
	c.tb.Helper()
	addr := c.EPSV()
	if r := c.Cmd("%s", command); r.Code != 150 {
		return r
	}
	conn := c.Data(addr)
	if _, err := io.WriteString(conn, data); err != nil {
		c.tb.Fatalf("paradisetest: %s: %v", command, err)
	}
	if err := conn.Close(); err != nil {
		c.tb.Fatalf("paradisetest: %s: %v", command, err)
	}
	return c.Reply()
}

// Retrieve sends a command such as "RETR name" or "LIST", and returns the data received
// and the final reply.
func (c *Client) Retrieve(command string) (string, Reply) {
	c.tb.Helper()
	addr := c.EPSV()
	if r := c.Cmd("%s", command); r.Code != 150 {
		return "", r
	}
	conn := c.Data(addr)
	defer conn.Close()
	data, err := io.ReadAll(conn)
	if err != nil {
		c.tb.Fatalf("paradisetest: %s: %v", command, err)
	}
	return string(data), c.Reply()
}
