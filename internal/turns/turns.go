// Package turns shares a few places among many clients. Addresses that wait for a place
// take turns, however many clients each of them has.
package turns

import (
	"context"
	"net/netip"
	"slices"
	"sync"
)

// Key returns the unit by which clients are counted: an IPv4 address, or the /64 of an
// IPv6 address, because a client usually owns a whole /64.
func Key(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() || !a.IsValid() {
		return a
	}
	p, _ := a.Prefix(64)
	return p.Addr()
}

// Places is a number of places that clients share. A place that is given back goes to the
// address whose turn it is, and within that address to the client that came first.
type Places struct {
	all, each int // how many places there are, and how many of them one address may hold

	mu    sync.Mutex
	taken int
	lines map[netip.Addr]*line
	order []*line // lines with waiting clients; the first is served next
}

// line has the places that one address holds, and its waiting clients.
type line struct {
	taken   int
	waiting []chan struct{} // one per client, closed when it gets a place
}

// New returns all places, of which one address may hold at most each.
func New(all, each int) *Places {
	return &Places{all: all, each: each, lines: make(map[netip.Addr]*line)}
}

// Take takes a place. It waits until ctx ends, and then returns ctx.Err(). Every place
// taken must be given back, with the same address.
func (p *Places) Take(ctx context.Context, addr netip.Addr) error {
	key := Key(addr)
	p.mu.Lock()
	l := p.lines[key]
	if l == nil {
		l = &line{}
		p.lines[key] = l
	}
	if p.taken < p.all && l.taken < p.each { // then no waiting client could take the place
		p.grant(l)
		p.mu.Unlock()
		return nil
	}
	ready := make(chan struct{})
	if l.waiting = append(l.waiting, ready); len(l.waiting) == 1 {
		p.order = append(p.order, l)
	}
	p.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		p.leave(key, l, ready)
		return ctx.Err()
	}
}

// Give gives back a place that Take took.
func (p *Places) Give(addr netip.Addr) {
	key := Key(addr)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.giveLocked(key, p.lines[key])
}

func (p *Places) grant(l *line) {
	p.taken++
	l.taken++
}

func (p *Places) giveLocked(key netip.Addr, l *line) {
	p.taken--
	l.taken--
	p.serveLocked()
	p.forgetLocked(key, l)
}

// serveLocked hands out free places. A line that was served goes behind the others.
func (p *Places) serveLocked() {
	for p.taken < p.all {
		i := slices.IndexFunc(p.order, func(l *line) bool { return l.taken < p.each })
		if i < 0 {
			return
		}
		l := p.order[i]
		p.order = slices.Delete(p.order, i, i+1)
		p.grant(l)
		close(l.waiting[0])
		if l.waiting = l.waiting[1:]; len(l.waiting) > 0 {
			p.order = append(p.order, l)
		}
	}
}

// leave removes a client that does not wait any longer. It may have got a place at this
// very moment; then leave gives that back.
func (p *Places) leave(key netip.Addr, l *line, ready chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(l.waiting, ready)
	if i < 0 {
		p.giveLocked(key, l)
		return
	}
	if l.waiting = slices.Delete(l.waiting, i, i+1); len(l.waiting) == 0 {
		i := slices.Index(p.order, l)
		p.order = slices.Delete(p.order, i, i+1)
		p.forgetLocked(key, l)
	}
}

func (p *Places) forgetLocked(key netip.Addr, l *line) {
	if l.taken == 0 && len(l.waiting) == 0 {
		delete(p.lines, key)
	}
}
