package paradise

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/paradiseftp/paradise/internal/sock"
)

// deadlineListener is what TCP listeners can do.
type deadlineListener interface{ SetDeadline(time.Time) error }

// errNoPorts says that every port of the passive range is taken.
var errNoPorts = errors.New("paradise: no passive port is free")

// listenPassive opens a listener for one data connection, on the control
// connection's own address.
func (e *services) listenPassive(ctx context.Context, s *Session) (*dataChan, error) {
	if !e.admission.takeFDs(dataFDs) {
		return nil, errNoPorts
	}
	l, err := e.listenInRange(ctx, s.Local.Addr())
	if err != nil {
		e.admission.giveFDs(dataFDs)
		return nil, err
	}
	e.counters.listeners.Add(1)
	return &dataChan{
		session:  s.ID,
		id:       shortID((e.counters.nextChannel.Add(1) - 1) ^ 0x5A5A5A),
		port:     addrPort(l.Addr()).Port(),
		expires:  time.Now().Add(e.timeouts.Data),
		services: e,
		listener: l,
		peer:     peerRule{want: s.Remote.Addr(), check: e.passive.PeerCheck},
	}, nil
}

// listenInRange tries the range's ports once each from a random start: a port
// that another session, or a draining process, holds is skipped.
func (e *services) listenInRange(ctx context.Context, local netip.Addr) (net.Listener, error) {
	first, last := int(e.passive.MinPort), int(e.passive.MaxPort)
	if first == 0 {
		return e.network.listen(ctx, netip.AddrPortFrom(local, 0))
	}
	count := last - first + 1
	start := rand.IntN(count)
	err := errNoPorts
	for i := range count {
		port := uint16(first + (start+i)%count)
		l, lerr := e.network.listen(ctx, netip.AddrPortFrom(local, port))
		if lerr == nil {
			return l, nil
		}
		err = errors.Join(errNoPorts, lerr)
	}
	return nil, err
}

// accept waits for the right peer and turns strangers away meanwhile, so that
// nobody else can use up the one connection (RFC 2577, 6).
func (d *dataChan) accept(deadline time.Time) (net.Conn, error) {
	if l, ok := d.listener.(deadlineListener); ok {
		l.SetDeadline(deadline)
	}
	for range strangersAllowed {
		nc, err := d.listener.Accept()
		if err != nil {
			return nil, errors.Join(d.noPeer(), err)
		}
		if d.peer.admits(addrPort(nc.RemoteAddr()).Addr()) {
			d.stopListening()
			return nc, nil
		}
		d.turnAway(nc)
	}
	return nil, errForeign
}

// noPeer is the error for a time in which the right peer did not come.
func (d *dataChan) noPeer() error {
	if d.foreign.Load() {
		return errForeign
	}
	return errNoPeer
}

// turnAway ends the connection of a stranger. It may be the client after all, by way
// of another address, so the first one is logged, with the setting that would admit
// it.
func (d *dataChan) turnAway(nc net.Conn) {
	from := addrPort(nc.RemoteAddr()).Addr()
	nc.Close()
	d.services.counters.refuse(refusedPeer)
	if d.foreign.Swap(true) {
		return
	}
	d.services.log.Warn("data connection from another address than the control connection's was turned away",
		"session", d.session, "control", d.peer.want.String(),
		"data", from.String(), "port", d.port, "admitted_by", d.peer.remedy(from))
}

// waiting accepts the next right peer of those who have connected already; nil if
// there is none.
func (d *dataChan) waiting() net.Conn {
	l, ok := d.listener.(deadlineListener)
	if !ok {
		return nil
	}
	for range strangersAllowed {
		wait := sock.Patience(d.listener)
		if wait == 0 {
			return nil
		}
		l.SetDeadline(time.Now().Add(wait))
		nc, err := d.listener.Accept()
		if err != nil {
			return nil
		}
		if d.peer.admits(addrPort(nc.RemoteAddr()).Addr()) {
			return nc
		}
		d.turnAway(nc)
	}
	return nil
}

// stopListening gives the port back as soon as the peer is there.
func (d *dataChan) stopListening() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.listener == nil {
		return
	}
	d.listener.Close()
	d.listener = nil
	d.services.counters.listeners.Add(-1)
}

// peerRule says who may use a data connection.
type peerRule struct {
	want  netip.Addr
	check PeerCheck
}

func (r peerRule) admits(a netip.Addr) bool {
	a = a.Unmap()
	switch r.check {
	case PeerAny:
		return true
	case PeerSubnet:
		bits := 24
		if a.Is6() {
			bits = 64
		}
		p, err := a.WithZone("").Prefix(bits)
		return err == nil && p.Contains(r.want.WithZone(""))
	default:
		return a == r.want
	}
}

// remedy names the narrowest setting that admits a, as library and bundled server
// call it.
func (r peerRule) remedy(a netip.Addr) string {
	if (peerRule{r.want, PeerSubnet}).admits(a) {
		return "PeerCheck: PeerSubnet (peer-check subnet)"
	}
	return "PeerCheck: PeerAny (peer-check any)"
}

// announced is the address that PASV names; the zero Addr if there is none.
func (e *services) announced(ctx context.Context, s *Session) netip.Addr {
	if f := e.passive.PublicIPFor; f != nil {
		if a := f(ctx, s).Unmap(); a.Is4() {
			return a
		}
	}
	if a := e.passive.PublicIP.Unmap(); a.Is4() {
		return a
	}
	if a := s.Local.Addr(); a.Is4() {
		return a
	}
	return netip.Addr{}
}
