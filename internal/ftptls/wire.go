package ftptls

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"

	"github.com/paradiseftp/paradise/internal/sock"
)

// Wire is the transport below a TLS connection. It remembers whether the
// transport itself ended: crypto/tls returns io.EOF for close_notify and for a
// bare FIN between records alike, and only the former came from the client.
//
// Like a net.Conn it may be read, written and closed by different goroutines.
type Wire struct {
	net.Conn
	ended   atomic.Bool
	closing atomic.Bool   // deadlines are ours, not those crypto/tls sets for close_notify
	stall   time.Duration // of a download: how long a write may wait without a byte moving
	flights int           // first writes; crypto/tls writes one after the other
	heard   bool          // the peer has sent a byte; of the goroutine that reads
}

// handshakeFlights is the most writes that a handshake needs of us.
const handshakeFlights = 2

// Write asks for the answer to a handshake without delay. A client's side of it
// comes in small parts; where its kernel holds the second back until the first
// is acknowledged (GnuTLS: FileZilla, lftp, wget), each transfer would wait 40 ms
// for our delayed ACK.
func (w *Wire) Write(p []byte) (int, error) {
	n, err := w.write(p)
	if w.flights < handshakeFlights {
		w.flights++
		sock.QuickAck(w.Conn)
	}
	return n, err
}

func (w *Wire) write(p []byte) (int, error) {
	if w.stall == 0 || w.closing.Load() {
		return w.Conn.Write(p)
	}
	return sock.Write(w.Conn, p, w.stall)
}

func (w *Wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.heard = w.heard || n > 0
	if n == 0 && err != nil {
		w.ended.Store(true)
	}
	return n, err
}

// SetWriteDeadline does nothing once the close is bounded: crypto/tls sets one of its own.
func (w *Wire) SetWriteDeadline(t time.Time) error {
	if w.closing.Load() {
		return nil
	}
	return w.Conn.SetWriteDeadline(t)
}

// NewWire returns a Wire over nc.
func NewWire(nc net.Conn) *Wire { return &Wire{Conn: nc} }

// SetStall bounds how long a write may wait without a byte moving: it fails with
// os.ErrDeadlineExceeded then. TLS does not go on after an error, so the bound must lie
// below it. It is to be called before the first write behind the handshake.
func (w *Wire) SetStall(stall time.Duration) { w.stall = stall }

// Ended reports whether the transport has ended, by a FIN or an error, and not only the
// data by close_notify.
func (w *Wire) Ended() bool { return w.ended.Load() }

// Heard reports whether the peer has sent a byte. It is for the goroutine that reads.
func (w *Wire) Heard() bool { return w.heard }

// CloseWrite sends the close_notify of conn, whose transport w is, within wait. It does
// not wait for the peer's.
func (w *Wire) CloseWrite(conn *tls.Conn, wait time.Duration) error {
	w.Conn.SetWriteDeadline(time.Now().Add(wait))
	w.closing.Store(true)
	return conn.CloseWrite()
}

// CloseConn closes conn, whose transport w is, with a close_notify if that goes out within
// wait: crypto/tls alone would wait 5 s for a peer that reads nothing.
func (w *Wire) CloseConn(conn net.Conn, wait time.Duration) error {
	w.Conn.SetDeadline(time.Now().Add(wait))
	w.closing.Store(true)
	return conn.Close()
}
