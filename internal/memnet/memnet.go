// Package memnet is a network in memory for tests under testing/synctest. Its
// connections have addresses, buffers, deadlines, an end and a reset, and they wait only
// in ways that synctest can detect.
package memnet

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// Backlog is the most connections that wait for a listener to accept them.
const Backlog = 64

// Network is a set of listeners.
type Network struct {
	mu        sync.Mutex
	listeners map[netip.AddrPort]*Listener
	nextPort  uint16
	open      int
}

// New returns an empty network.
func New() *Network {
	return &Network{listeners: make(map[netip.AddrPort]*Listener), nextPort: 40000}
}

// Open returns the number of listeners and connection ends that are not closed.
func (n *Network) Open() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open
}

func (n *Network) count(d int) {
	n.mu.Lock()
	n.open += d
	n.mu.Unlock()
}

// Listen listens on addr; port 0 means any free port.
func (n *Network) Listen(addr netip.AddrPort) (*Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if addr.Port() == 0 {
		n.nextPort++
		addr = netip.AddrPortFrom(addr.Addr(), n.nextPort)
	}
	if n.listeners[addr] != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Err: syscall.EADDRINUSE}
	}
	l := &Listener{
		net: n, addr: addr,
		queue: make(chan *Conn, Backlog),
		done:  make(chan struct{}),
		timer: newDeadline(),
	}
	n.listeners[addr] = l
	n.open++
	return l, nil
}

// Dial connects from local to remote; a local port 0 means any port.
func (n *Network) Dial(ctx context.Context, local, remote netip.AddrPort) (*Conn, error) {
	n.mu.Lock()
	l := n.listeners[remote]
	if local.Port() == 0 {
		n.nextPort++
		local = netip.AddrPortFrom(local.Addr(), n.nextPort)
	}
	n.mu.Unlock()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	if l == nil {
		return nil, refused
	}
	a, b := n.pair(local, remote)
	select {
	case l.queue <- b:
		l.drainIfClosed()
		return a, nil
	case <-l.done:
	case <-ctx.Done():
		refused.Err = ctx.Err()
	}
	a.Close()
	b.Close()
	return nil, refused
}

func (n *Network) pair(local, remote netip.AddrPort) (a, b *Conn) {
	up, down := newPipe(), newPipe()
	a = &Conn{net: n, in: down, out: up, local: local, remote: remote, rd: newDeadline(), wd: newDeadline()}
	b = &Conn{net: n, in: up, out: down, local: remote, remote: local, rd: newDeadline(), wd: newDeadline()}
	n.count(2)
	return a, b
}

// Listener is a [net.Listener] with a deadline.
type Listener struct {
	net   *Network
	addr  netip.AddrPort
	queue chan *Conn
	once  sync.Once
	done  chan struct{}
	timer *deadline
}

// Accept waits for a connection, until Close or the deadline.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.done:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: net.ErrClosed}
	case <-l.timer.passed():
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
}

// Close closes the listener and resets connections that were not accepted.
func (l *Listener) Close() error {
	l.once.Do(func() {
		l.net.mu.Lock()
		delete(l.net.listeners, l.addr)
		l.net.open--
		l.net.mu.Unlock()
		close(l.done)
		l.drainIfClosed()
	})
	return nil
}

// drainIfClosed resets the waiting connections of a closed listener, including those that
// a Dial has added while it was being closed.
func (l *Listener) drainIfClosed() {
	select {
	case <-l.done:
	default:
		return
	}
	for {
		select {
		case c := <-l.queue:
			c.Reset()
		default:
			return
		}
	}
}

// Readable reports whether Accept would return at once.
func (l *Listener) Readable() bool { return len(l.queue) > 0 }

// SetDeadline bounds Accept.
func (l *Listener) SetDeadline(t time.Time) error {
	l.timer.set(t)
	return nil
}

// Addr returns the listener's address.
func (l *Listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

// Conn is one end of a connection.
type Conn struct {
	net           *Network
	in, out       *pipe
	local, remote netip.AddrPort
	rd, wd        *deadline
	once          sync.Once
}

// Read reads bytes. It returns io.EOF after the peer's end, ECONNRESET after its reset.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p, c.rd)
	return n, wrap("read", err)
}

// Write writes bytes. It waits while the buffer is full.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p, c.wd)
	return n, wrap("write", err)
}

func wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Err: err}
}

// Readable reports whether Read would return at once.
func (c *Conn) Readable() bool { return c.in.readable() }

// Close ends both directions: the peer reads the bytes that were written, then io.EOF. If
// this end has unread bytes, Close resets the connection, as TCP does.
func (c *Conn) Close() error {
	if c.in.holds() {
		c.Reset()
	}
	c.once.Do(func() {
		c.out.end(io.EOF)
		c.in.end(net.ErrClosed)
		c.in.drop()
		c.net.count(-1)
	})
	return nil
}

// CloseWrite ends the direction to the peer only.
func (c *Conn) CloseWrite() error {
	c.out.end(io.EOF)
	return nil
}

// Reset resets the connection, as a TCP RST does: the peer loses all bytes that it has
// not read.
func (c *Conn) Reset() {
	c.once.Do(func() {
		c.out.reset()
		c.in.end(net.ErrClosed)
		c.in.drop()
		c.net.count(-1)
	})
}

func (c *Conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *Conn) SetDeadline(t time.Time) error {
	c.rd.set(t)
	c.wd.set(t)
	return nil
}

func (c *Conn) SetReadDeadline(t time.Time) error {
	c.rd.set(t)
	return nil
}

func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.wd.set(t)
	return nil
}
