package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const (
	account  = "auser"
	password = "secret"
)

// patience bounds every wait.
const patience = time.Minute

// client is a minimal FTP client that uses little CPU compared with the server.
type client struct {
	conn   net.Conn
	r      *bufio.Reader
	secure *tls.Config // nil: in the clear
	from   net.Addr
	pace   time.Duration // the least time for a MiB
}

// dial connects and logs in; from may be nil.
func dial(addr string, secure bool, from net.Addr) (*client, error) {
	d := net.Dialer{LocalAddr: from, Timeout: patience}
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, r: bufio.NewReaderSize(conn, 512), from: from}
	if err := c.login(secure); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) login(secure bool) error {
	if _, err := c.reply("220"); err != nil {
		return err
	}
	if secure {
		if _, err := c.cmd("234", "AUTH TLS"); err != nil {
			return err
		}
		c.secure = &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
		c.conn = tls.Client(c.conn, c.secure)
		c.r.Reset(c.conn)
	}
	if _, err := c.cmd("331", "USER "+account); err != nil {
		return err
	}
	if _, err := c.cmd("230", "PASS "+password); err != nil || !secure {
		return err
	}
	if _, err := c.cmd("200", "PBSZ 0"); err != nil {
		return err
	}
	_, err := c.cmd("200", "PROT P")
	return err
}

func (c *client) reply(want string) (string, error) {
	c.conn.SetDeadline(time.Now().Add(patience))
	multi := ""
	for {
		line, err := c.r.ReadString('\n')
		switch {
		case err != nil:
			return "", fmt.Errorf("waiting for %s: %w", want, err)
		case len(line) < 4, multi != "" && !strings.HasPrefix(line, multi):
			continue
		case line[3] == '-':
			multi = line[:3] + " "
			continue
		case !strings.HasPrefix(line, want):
			return line, fmt.Errorf("want %s, got %q", want, line)
		}
		return line, nil
	}
}

func (c *client) cmd(want, line string) (string, error) {
	if _, err := io.WriteString(c.conn, line+"\r\n"); err != nil {
		return "", err
	}
	return c.reply(want)
}

// open starts a transfer. It does the handshake of the data connection between the command
// and its reply, because servers differ in which of them they do first.
func (c *client) open(command string) (net.Conn, error) {
	line, err := c.cmd("229", "EPSV")
	if err != nil {
		return nil, err
	}
	var port int
	at := strings.Index(line, "(|||")
	if at < 0 {
		return nil, fmt.Errorf("no port in %q", line)
	}
	if _, err := fmt.Sscanf(line[at+4:], "%d", &port); err != nil {
		return nil, fmt.Errorf("no port in %q", line)
	}
	host, _, _ := net.SplitHostPort(c.conn.RemoteAddr().String())
	d := net.Dialer{LocalAddr: c.from, Timeout: patience}
	conn, err := d.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(c.conn, command+"\r\n")
	if err == nil && c.secure != nil {
		s := c.secure.Clone()
		s.ServerName = host
		secure := tls.Client(conn, s)
		conn, err = secure, secure.Handshake()
	}
	if err == nil {
		_, err = c.reply("1")
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// store uploads n bytes, by repeating block.
func (c *client) store(name string, block []byte, n int64) error {
	conn, err := c.open("STOR " + name)
	if err != nil {
		return err
	}
	whole := block
	for n > 0 && err == nil {
		var k int
		k, err = conn.Write(block[:min(int64(len(block)), n, c.step())])
		n -= int64(k)
		if block = block[k:]; len(block) == 0 {
			block = whole
		}
		c.rest(k)
	}
	if cerr := finish(conn); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	_, err = c.reply("226")
	return err
}

// step is how many bytes a client moves at once, rest is how long it sleeps after them.
func (c *client) step() int64 {
	if c.pace > 0 {
		return 64 << 10
	}
	return mib
}

func (c *client) rest(n int) { time.Sleep(c.pace * time.Duration(n) / mib) }

// finish closes a data connection. Over TLS it first sends close_notify and waits until the
// server has seen it, because some servers treat an early close as a failure.
func finish(conn net.Conn) error {
	defer conn.Close()
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	err := secure.CloseWrite()
	conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	io.Copy(io.Discard, secure.NetConn())
	return err
}

// fetch reads all data of a command into w, and returns how long it waited for the first
// byte.
func (c *client) fetch(command string, w io.Writer) (n int64, first time.Duration, err error) {
	began := time.Now()
	conn, err := c.open(command)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	buf := make([]byte, min(c.step(), 256<<10))
	for {
		k, rerr := conn.Read(buf)
		if n == 0 && k > 0 {
			first = time.Since(began)
		}
		n += int64(k)
		if k > 0 && w != nil {
			w.Write(buf[:k])
		}
		c.rest(k)
		if rerr == io.EOF {
			err = finish(conn)
			break
		}
		if rerr != nil {
			return n, first, rerr
		}
	}
	if err == nil {
		_, err = c.reply("226")
	}
	return n, first, err
}

func (c *client) quit() {
	c.cmd("221", "QUIT")
	c.conn.Close()
}
