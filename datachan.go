package paradise

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paradiseftp/paradise/internal/ftptls"
)

// dataChan is one data channel: what was announced, and the connection once it
// is there. It owns listener and connection; Close may be called from anywhere,
// any number of times, also on nil.
type dataChan struct {
	session  uint64
	id       uint32
	port     uint16
	expires  time.Time // closed then unless a transfer has taken it
	services *services
	record   *channelRecord // for people; nil for active channels

	listener net.Listener   // passive
	peer     peerRule       // passive: who may connect
	foreign  atomic.Bool    // passive: somebody else did
	local    netip.AddrPort // active
	remote   netip.AddrPort // active

	refused bool          // a command that would have used it was refused; for its owner alone
	looked  time.Time     // for who has connected nevertheless; for its owner alone
	over    chan struct{} // closed when it has lingered; nil: it does not

	mu      sync.Mutex
	raw     net.Conn
	inUse   bool // a transfer has begun to open it
	stopped bool // and none may any more
	closed  bool
}

// Errors of opening a data channel; they are answered with 425, 521 or 522.
var (
	errNoPeer     = errors.New("paradise: data connection was not opened in time")
	errForeign    = errors.New("paradise: data connection came from another address than the control connection")
	errHandshake  = errors.New("paradise: TLS negotiation failed on the data connection")
	errNotResumed = errors.New("paradise: TLS session was not resumed on the data connection, " +
		"as DataTLSReuse: ReuseRequire (data-tls-reuse require) wants it")
	errUnreachable = errors.New("paradise: data connection could not be opened")
)

// strangersAllowed bounds how many wrong peers one data channel turns away: more
// than a flood brings in before a client far away connects.
const strangersAllowed = 1000

// Close closes what is there now and whatever would come.
func (d *dataChan) Close() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closeLocked()
}

func (d *dataChan) closeLocked() {
	if d.closed {
		return
	}
	d.closed = true
	if d.listener != nil {
		d.listener.Close()
		d.services.counters.listeners.Add(-1)
	}
	if d.raw != nil {
		d.raw.Close()
	}
	d.services.admission.giveFDs(dataFDs)
}

// stop closes a channel in use. One that is not yet is only kept from being used:
// whoever has connected may get a gentler end than this.
func (d *dataChan) stop() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	if d.inUse {
		d.closeLocked()
	}
}

// noteRefusal says that a command has left it as it was: who has connected may have
// meant that command.
func (d *dataChan) noteRefusal() {
	if d != nil {
		d.refused = true
	}
}

// keptPassive reports whether a client may be connected that waits for what a refused
// command does not do.
func (d *dataChan) keptPassive() bool { return d.refused && d.peer.want.IsValid() }

// unused reports whether no transfer has begun to open it.
func (d *dataChan) unused() bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.inUse && !d.closed
}

// open returns the connection, opened within the time for it. ctx is only for
// the dial: stop and Close end a wait too.
func (d *dataChan) open(ctx context.Context, wait time.Duration) (net.Conn, error) {
	d.mu.Lock()
	nc, stopped := d.raw, d.stopped || d.closed
	d.inUse = !stopped
	d.mu.Unlock()
	switch {
	case stopped:
		return nil, net.ErrClosed
	case nc != nil:
		return nc, nil
	}
	var err error
	if d.listener != nil {
		nc, err = d.accept(time.Now().Add(wait))
	} else {
		nc, err = d.dial(ctx, wait)
	}
	if err != nil {
		return nil, err
	}
	return nc, d.hold(nc)
}

// hold makes nc the channel's connection.
func (d *dataChan) hold(nc net.Conn) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		nc.Close()
		return net.ErrClosed
	}
	d.raw = nc
	return nil
}

// conn is the open connection, nil if there is none.
func (d *dataChan) conn() net.Conn {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.raw
}

// secure makes a TLS connection of nc; we are the TLS server in active mode too
// (RFC 4217, 7).
func (d *dataChan) secure(ctx context.Context, nc net.Conn, setup *ftptls.Data, wait time.Duration) (*tls.Conn, error) {
	conn := setup.Server(nc)
	nc.SetDeadline(time.Now().Add(wait))
	err := conn.HandshakeContext(ctx)
	d.services.counters.dataHandshake(err == nil)
	if err != nil {
		return conn, errors.Join(errHandshake, err)
	}
	nc.SetDeadline(time.Time{})
	err = setup.Verify(conn.ConnectionState())
	switch {
	case errors.Is(err, ftptls.ErrNotResumed):
		return conn, errNotResumed
	case err != nil:
		return conn, errors.Join(errHandshake, err)
	}
	return conn, nil
}
