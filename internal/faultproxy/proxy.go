// Package faultproxy is a TCP proxy that breaks connections on purpose: after a given
// number of bytes, in the ways in which networks break them.
package faultproxy

import (
	"net"
	"sync"
)

// Fault is how a connection is broken.
type Fault uint8

const (
	// None forwards to the end.
	None Fault = iota
	// FIN ends both sides cleanly, like the kernel of a dying middlebox. Later bytes
	// are discarded.
	FIN
	// RST resets both sides.
	RST
	// Blackhole silently forwards nothing more in either direction, until Close.
	Blackhole
)

func (f Fault) String() string {
	return [...]string{"none", "FIN", "RST", "blackhole"}[f]
}

// Link is a free port of 127.0.0.1 that forwards one connection to a target. Its methods
// are safe for concurrent use.
type Link struct {
	listener net.Listener
	target   string
	fault    Fault
	after    int64
	hook     func()
	done     chan struct{} // closed when all goroutines of the link have ended

	mu     sync.Mutex
	conns  []net.Conn
	broken Fault
	closed bool
}

// Open opens a link. After the client has sent after bytes to the target, and before the
// next one, the link breaks with fault. At that moment it calls hook, unless that is nil;
// it does so even if fault is None.
func Open(target string, fault Fault, after int64, hook func()) (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Link{listener: listener, target: target, fault: fault, after: after, hook: hook, done: make(chan struct{})}
	go l.serve()
	return l, nil
}

// Addr returns the address to which the client connects.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Break breaks the link now. Only the first break has an effect.
func (l *Link) Break(fault Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != None || l.closed || fault == None {
		return
	}
	l.broken = fault
	for _, c := range l.conns {
		switch fault {
		case FIN:
			c.(*net.TCPConn).CloseWrite()
		case RST:
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
	}
}

// Close closes the link's connections and waits until all its goroutines have ended.
func (l *Link) Close() {
	l.mu.Lock()
	l.closed = true
	l.listener.Close()
	for _, c := range l.conns {
		c.Close()
	}
	l.mu.Unlock()
	<-l.done
}

func (l *Link) serve() {
	defer close(l.done)
	client, err := l.listener.Accept()
	l.listener.Close()
	if err != nil || !l.own(client) {
		return
	}
	server, err := net.Dial("tcp", l.target)
	if err != nil || !l.own(server) {
		l.Break(RST)
		client.Close()
		return
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		l.forward(client, server)
	}()
	l.count(server, client)
	<-back
	// Only a black hole keeps its sockets until Close.
	if l.brokenBy() != Blackhole {
		client.Close()
		server.Close()
	}
}

// own adds a connection to the link. If the link is closed, own closes the connection and
// returns false.
func (l *Link) own(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.Close()
		return false
	}
	l.conns = append(l.conns, c)
	return true
}

func (l *Link) brokenBy() Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

// count forwards the client's bytes, and breaks the link when it is due.
func (l *Link) count(to, from net.Conn) {
	if l.fault != None || l.hook != nil {
		if !l.first(to, from) {
			return
		}
		if l.hook != nil {
			l.hook()
		}
		l.Break(l.fault)
	}
	l.forward(to, from)
}

// first forwards the bytes before the break, and reports whether all of them came. It
// does not use io.CopyN, which uses splice and keeps pipes open in a pool.
func (l *Link) first(to, from net.Conn) bool {
	buf := make([]byte, 16<<10)
	for left := l.after; left > 0; {
		n, err := from.Read(buf[:min(left, int64(len(buf)))])
		left -= int64(n)
		if n > 0 && l.brokenBy() == None {
			if _, err := to.Write(buf[:n]); err != nil {
				return false
			}
		}
		if err != nil {
			l.end(to)
			return left == 0
		}
	}
	return true
}

// forward copies until one side ends. After a break it discards what it reads.
func (l *Link) forward(to, from net.Conn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		broken := l.brokenBy()
		if n > 0 && broken == None {
			_, werr := to.Write(buf[:n])
			if werr != nil {
				return
			}
		}
		if err != nil {
			l.end(to)
			return
		}
		if broken == Blackhole {
			return // later bytes stay in the kernel's buffer and fill it
		}
	}
}

// end passes on the end of one direction.
func (l *Link) end(to net.Conn) {
	if l.brokenBy() == None {
		to.(*net.TCPConn).CloseWrite()
	}
}
