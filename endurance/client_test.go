package endurance

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"time"
)

// client is an FTP client that expects failures.
type client struct {
	conn    net.Conn
	lines   *bufio.Reader
	wait    time.Duration // for each reply and each write
	tls     *tls.Config   // not nil: both connections use TLS
	through func(addr string) (string, error)
}

// dialWait is how long a client waits when nothing should fail.
const dialWait = 60 * time.Second

func dial(addr string, wait time.Duration) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr, wait)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, lines: newLines(conn), wait: wait}
	if err := c.want(220, ""); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func newLines(conn net.Conn) *bufio.Reader { return bufio.NewReader(conn) }

// login connects and logs in, and fails the test if that fails.
func login(addr string) (*client, error) {
	c, err := dial(addr, dialWait)
	if err != nil {
		return nil, err
	}
	if err := c.login("auser"); err != nil {
		c.conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) login(user string) error {
	if err := c.want(331, "USER "+user); err != nil {
		return err
	}
	return c.want(230, "PASS secret")
}

// secure makes both connections private.
func (c *client) secure() error {
	if err := c.want(234, "AUTH TLS"); err != nil {
		return err
	}
	c.tls = &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"} // the test's own certificate
	conn := tls.Client(c.conn, c.tls)
	c.conn.SetDeadline(time.Now().Add(c.wait))
	if err := conn.Handshake(); err != nil {
		return err
	}
	c.conn, c.lines = conn, bufio.NewReader(conn)
	if err := c.want(200, "PBSZ 0"); err != nil {
		return err
	}
	return c.want(200, "PROT P")
}

func (c *client) send(line string) error {
	c.conn.SetWriteDeadline(time.Now().Add(c.wait))
	_, err := io.WriteString(c.conn, line+"\r\n")
	return err
}

// reply reads a reply of one line or several.
func (c *client) reply() (code int, text string, err error) {
	c.conn.SetReadDeadline(time.Now().Add(c.wait))
	for {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			return 0, text, err
		}
		text += line
		if len(line) > 3 && line[3] == ' ' {
			code, err := strconv.Atoi(line[:3])
			if err == nil {
				return code, text, nil
			}
		}
	}
}

func (c *client) cmd(line string) (int, string, error) {
	if err := c.send(line); err != nil {
		return 0, "", err
	}
	return c.reply()
}

// want sends a command, unless it is empty, and expects a reply code.
func (c *client) want(code int, line string) error {
	if line != "" {
		if err := c.send(line); err != nil {
			return err
		}
	}
	got, text, err := c.reply()
	if err == nil && got != code {
		err = fmt.Errorf("%s: want %d, got %q", line, code, text)
	}
	return err
}

var epsvPort = regexp.MustCompile(`\(\|\|\|(\d+)\|\)`)

// data opens a data connection.
func (c *client) data() (net.Conn, error) {
	code, text, err := c.cmd("EPSV")
	if err != nil {
		return nil, err
	}
	m := epsvPort.FindStringSubmatch(text)
	if code != 229 || m == nil {
		return nil, fmt.Errorf("EPSV: %q", text)
	}
	addr := "127.0.0.1:" + m[1]
	if c.through != nil {
		if addr, err = c.through(addr); err != nil {
			return nil, err
		}
	}
	return net.DialTimeout("tcp", addr, c.wait)
}

// store uploads and returns the final reply's code.
func (c *client) store(command string, data []byte) (code int, text string, err error) {
	d, err := c.data()
	if err != nil {
		return 0, "", err
	}
	defer d.Close()
	if code, text, err = c.cmd(command); err != nil || code != 150 {
		return code, text, err
	}
	// A failed write may come from the server or the network. The reply says more.
	_ = c.pour(d, data)
	return c.reply()
}

// pour writes data and closes the data connection properly.
func (c *client) pour(d net.Conn, data []byte) error {
	d.SetDeadline(time.Now().Add(c.wait))
	if c.tls != nil {
		d = tls.Client(d, c.tls)
	}
	if _, err := d.Write(data); err != nil {
		d.Close()
		return err
	}
	return d.Close()
}

// fetch downloads and returns the final reply's code.
func (c *client) fetch(command string, to io.Writer) (code int, text string, err error) {
	d, err := c.data()
	if err != nil {
		return 0, "", err
	}
	defer d.Close()
	if code, text, err = c.cmd(command); err != nil || code != 150 {
		return code, text, err
	}
	d.SetDeadline(time.Now().Add(c.wait))
	if _, err := io.Copy(to, d); err != nil {
		return 0, "", err
	}
	return c.reply()
}

func (c *client) quit() error {
	defer c.conn.Close()
	return c.want(221, "QUIT")
}
