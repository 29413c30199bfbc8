package paradise

import (
	"errors"
	"net"
	"time"

	"github.com/paradiseftp/paradise/internal/sock"
)

// A close with bytes unread is a reset on the wire, and so is the close of a listener
// for connections that nobody has accepted. A client takes a reset for a broken
// network and may not read the reply that says why its command was refused. So what
// is of no use any more ends in order here: with a FIN, and what came taken out.

// hangUp ends a channel that no transfer uses. True: a client is connected and has
// not ended its side yet; the channel is to linger then, and to be closed.
func (d *dataChan) hangUp() bool {
	if d == nil {
		return false
	}
	if d.gather() {
		nc := d.conn()
		sock.CloseWrite(nc)
		if !drained(nc) {
			return true
		}
	}
	d.Close()
	return false
}

// gather stops listening and keeps the last one of those who have connected.
func (d *dataChan) gather() bool {
	for d.listener != nil {
		nc := d.waiting()
		if nc == nil {
			d.stopListening()
			break
		}
		if former := d.conn(); former != nil {
			dismiss(former)
		}
		d.hold(nc)
	}
	return d.conn() != nil
}

// settle looks, before a 150, at who has connected for a command that was refused.
// What has ended or, in the clear, has sent bytes meant that command: taken for this
// one's it would be stored under a name that it was not sent for.
func (d *dataChan) settle(private bool) {
	if d == nil || !d.refused || d.listener == nil {
		return
	}
	for nc := d.waiting(); nc != nil; nc = d.waiting() {
		if !stale(nc, private) {
			d.stopListening()
			d.hold(nc)
			return
		}
		dismiss(nc)
	}
}

// stale reports whether a connection has ended, or brought bytes before it was asked
// to. Over TLS these are of the handshake.
func stale(nc net.Conn, private bool) bool {
	if private {
		closed, known := sock.PeerClosed(nc)
		return known && closed
	}
	wait := sock.Patience(nc)
	if wait == 0 {
		return false
	}
	nc.SetReadDeadline(time.Now().Add(wait))
	defer nc.SetReadDeadline(time.Time{})
	_, err := nc.Read(make([]byte, 1))
	return !errors.Is(err, errTimeout)
}

// dismiss ends a connection that nobody needs.
func dismiss(nc net.Conn) {
	sock.CloseWrite(nc)
	drained(nc)
	nc.Close()
}

// drained takes out what has come; true if the peer's end was behind it.
func drained(nc net.Conn) bool {
	buf := getBuffer(0)
	defer putBuffer(0, buf)
	return sock.Drain(nc, *buf)
}

// drain reads until the peer's end, but not for ever. raw is the transport of nc.
func drain(nc, raw net.Conn) {
	buf := getBuffer(0)
	defer putBuffer(0, buf)
	end := time.Now().Add(lingerTime)
	for total := 0; total < lingerBytes && time.Now().Before(end); {
		raw.SetReadDeadline(time.Now().Add(lingerPause))
		n, err := nc.Read(*buf)
		total += n
		if err != nil {
			return
		}
	}
}

// What a connection that lingers is worth: bytes, time in all, and time in which
// nothing comes.
const (
	lingerBytes = 16 << 20
	lingerTime  = 10 * time.Second
	lingerPause = 2 * time.Second
)
