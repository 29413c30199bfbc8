package paradisetest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// dataEnd is the client's end of a data connection.
type dataEnd struct {
	addr     string       // passive: the address to connect to
	listener net.Listener // active: accepts the server's connection
	raw      net.Conn
	conn     net.Conn // raw, or TLS over it
}

func (d *dataEnd) close() {
	if d.listener != nil {
		d.listener.Close()
	}
	if d.raw != nil {
		d.raw.Close()
	}
	*d = dataEnd{}
}

func (d *dataEnd) offered(addr string) {
	d.close()
	d.addr = addr
}

// listen prepares for PORT and EPRT.
func (d *dataEnd) listen(ip string) (host string, port int, err error) {
	d.close()
	if d.listener, err = net.Listen("tcp", net.JoinHostPort(ip, "0")); err != nil {
		return "", 0, err
	}
	a := d.listener.Addr().(*net.TCPAddr)
	return a.IP.String(), a.Port, nil
}

func (d *dataEnd) open(c *Client) error {
	if d.conn != nil {
		return nil
	}
	var err error
	switch {
	case d.listener != nil:
		d.listener.(*net.TCPListener).SetDeadline(time.Now().Add(clientWait))
		d.raw, err = d.listener.Accept()
	case d.addr != "":
		d.raw, err = net.DialTimeout("tcp", d.addr, clientWait)
	default:
		return errors.New("no data connection was agreed on")
	}
	if err != nil {
		return err
	}
	d.conn = c.data(d.raw)
	return nil
}

// playData runs a step that starts with D.
func (p *player) playData(i int) error {
	st := &p.script.steps[i]
	if err := p.data.open(p.client); err != nil {
		return fmt.Errorf("data connection: %w", err)
	}
	switch st.kind {
	case "D+":
		if t, ok := p.data.conn.(*tls.Conn); ok {
			return t.Handshake()
		}
		return nil
	case "D>":
		text, err := payload(st.text)
		if err != nil {
			return err
		}
		_, err = io.WriteString(p.data.conn, text)
		return err
	case "D<":
		return p.receive(i)
	case "D-":
		defer p.data.close()
		return p.data.raw.Close()
	case "D!":
		if tcp, ok := p.data.raw.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		defer p.data.close()
		return p.data.raw.Close()
	}
	defer p.data.close()
	if t, ok := p.data.conn.(*tls.Conn); ok {
		if err := t.Handshake(); err != nil {
			return err
		}
	}
	return p.data.conn.Close()
}

// payload returns the data that the lines of a step stand for: each line with its line
// end, or the bytes of a quoted line.
func payload(lines []string) (string, error) {
	var b strings.Builder
	for _, line := range lines {
		switch {
		case strings.HasPrefix(line, `"`):
			text, err := unquote(line)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		case line != "":
			b.WriteString(line + "\r\n")
		}
	}
	return b.String(), nil
}

// receive reads until the end of the data and compares it: byte by byte if the first
// line is quoted, else line by line.
func (p *player) receive(i int) error {
	all, err := io.ReadAll(p.data.conn)
	p.data.close()
	if err != nil {
		return fmt.Errorf("data connection: %w after %q", err, all)
	}
	want := p.script.steps[i].text
	if strings.HasPrefix(want[0], `"`) || len(all) > 0 && !strings.HasSuffix(string(all), "\r\n") {
		text, err := payload(want)
		if err == nil && text == string(all) {
			return nil
		}
		return p.compare(i, []string{fmt.Sprintf("%q", all)})
	}
	lines := strings.Split(strings.TrimSuffix(string(all), "\r\n"), "\r\n")
	for k, line := range lines {
		lines[k] = visible(line)
	}
	return p.compare(i, lines)
}
