package paradise

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"

	"github.com/paradiseftp/paradise/internal/sock"
)

// tlsWire is the transport below a TLS connection. It remembers whether the
// transport itself ended: crypto/tls returns io.EOF for close_notify and for a
// bare FIN between records alike, and only the former came from the client.
type tlsWire struct {
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
func (w *tlsWire) Write(p []byte) (int, error) {
	n, err := w.write(p)
	if w.flights < handshakeFlights {
		w.flights++
		sock.QuickAck(w.Conn)
	}
	return n, err
}

func (w *tlsWire) write(p []byte) (int, error) {
	if w.stall == 0 || w.closing.Load() {
		return w.Conn.Write(p)
	}
	return sock.Write(w.Conn, p, w.stall)
}

func (w *tlsWire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.heard = w.heard || n > 0
	if n == 0 && err != nil {
		w.ended.Store(true)
	}
	return n, err
}

func (w *tlsWire) SetWriteDeadline(t time.Time) error {
	if w.closing.Load() {
		return nil
	}
	return w.Conn.SetWriteDeadline(t)
}

// closeWrite sends close_notify within wait.
func (w *tlsWire) closeWrite(conn *tls.Conn, wait time.Duration) error {
	w.Conn.SetWriteDeadline(time.Now().Add(wait))
	w.closing.Store(true)
	return conn.CloseWrite()
}

// tlsRule is the rule in force: the zero means required where TLS is possible.
func (c *conn) tlsRule() TLSRule {
	rule := c.facts().Policy.TLS
	if rule != TLSDefault {
		return rule
	}
	if c.srv.TLSConfig == nil {
		return TLSOptional
	}
	return TLSRequired
}

// mayLogIn says whether the control connection is private enough for a login.
func (c *conn) mayLogIn() bool { return c.tls.on || c.tlsRule() == TLSOptional }

// mayTransfer says whether the data connection's protection is enough.
func (c *conn) mayTransfer() bool { return c.tls.private || c.tlsRule() != TLSRequired }
