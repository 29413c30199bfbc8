// Package sock asks the kernel what package net does not tell of a socket, sets options
// that package net does not know, and ends connections in order. Where the kernel does
// not answer, or the connection is no socket of the kernel's, each function says so and
// the portable way serves.
//
// All functions may be called from any goroutine. Those that read or write leave the
// connection's deadline changed.
package sock

import (
	"net"
	"syscall"
)

// PeerClosed reports whether the peer has closed or reset the connection; bytes that
// wait to be read do not hide it. Known is false where the kernel does not tell, and once
// the connection is closed on this side.
func PeerClosed(nc net.Conn) (closed, known bool) { return peerClosed(nc) }

// PeerReset reports whether the kernel knows that the peer takes nothing any more
// either: PeerClosed is also true for a peer that has closed only its own direction.
func PeerReset(nc net.Conn) bool { return peerReset(nc) }

// Unread returns how many bytes have come that nobody has read; 0 where the kernel does
// not tell.
func Unread(nc net.Conn) int { return unread(nc) }

// InlineUrgent leaves urgent data in the stream, where the kernel would take it out.
// FTP clients send ABOR as a Telnet Synch, whose last byte is urgent (RFC 959, 4.1.3).
// A listener cannot set this for all its connections: Go's listeners are MPTCP sockets,
// which refuse the option but return plain TCP connections.
func InlineUrgent(nc net.Conn) { inlineUrgent(nc) }

// QuickAck acknowledges the next segments at once. The kernel goes back to delayed
// acknowledgements on its own, so a caller asks again where it matters.
func QuickAck(nc net.Conn) { quickAck(nc) }

// ReuseAddr lets a socket bind a port that has connections in TIME_WAIT. It has the
// form that net.Dialer.Control needs but for its first two parameters.
func ReuseAddr(rc syscall.RawConn) error { return reuseAddr(rc) }

// MaxFiles returns how many descriptors the process may have open, a cautious guess
// where the system does not tell.
func MaxFiles() int { return maxFiles() }

// TCP returns the TCP connection that nc is or, by a method NetConn, says it wraps. It
// is nil if there is none.
func TCP(nc net.Conn) *net.TCPConn {
	for {
		switch v := nc.(type) {
		case *net.TCPConn:
			return v
		case interface{ NetConn() net.Conn }:
			nc = v.NetConn()
		default:
			return nil
		}
	}
}
