// Package turns shares a few places among many clients: whoever waits is served
// by address, each address in its turn.
package turns

import (
	"context"
	"net/netip"
	"slices"
	"sync"
)

// Key is the unit that is counted: an IPv4 address, or the /64 that an IPv6 client
// owns.
func Key(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() || !a.IsValid() {
		return a
	}
	p, _ := a.Prefix(64)
	return p.Addr()
}

// Places are shared out. One that is given back goes to the address whose turn it
// is, and within an address to the first that came.
type Places struct {
	all, each int // how many there are, and how many of them one address may hold

	mu    sync.Mutex
	taken int
	lines map[netip.Addr]*line
	order []*line // those in which somebody waits; the first is served next
}

// line is what one address holds and waits for.
type line struct {
	taken   int
	waiting []chan struct{} // closed when the place is theirs
}

// New makes all places, of which one address may hold each.
func New(all, each int) *Places {
	return &Places{all: all, each: each, lines: make(map[netip.Addr]*line)}
}

// Take waits for a place until ctx ends, whose error it returns then. A place that
// was taken must be given back, under the same address.
func (p *Places) Take(ctx context.Context, addr netip.Addr) error {
	key := Key(addr)
	p.mu.Lock()
	l := p.lines[key]
	if l == nil {
		l = &line{}
		p.lines[key] = l
	}
	if p.taken < p.all && l.taken < p.each { // then nobody waits who could have it
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

// Give gives back what Take took.
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

// serveLocked hands out what is free. A line that was served goes behind the
// others.
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

// leave takes somebody out who waits no longer. He may have been served just now.
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
