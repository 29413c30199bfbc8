package paradise

import (
	"context"
	"math"
	"net/netip"
	"slices"
	"time"
)

// attempt is a login that the AuthDriver is asked about, or that waits for that.
type attempt struct {
	a     *admission
	of    *client
	turn  chan struct{} // closed when it need not wait any more
	ended bool          // guarded by a.mu
}

// attempt begins a login. Of one address only so many are under way at once; the
// others wait, in the order in which they came.
func (a *admission) attempt(addr netip.Addr) *attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := &attempt{a: a, of: a.clientLocked(addr), turn: make(chan struct{})}
	t.of.waiting = append(t.of.waiting, t.turn)
	a.admitLocked(t.of)
	return t
}

// admitLocked lets those go on for whom there is room. Guesses under way count as
// failures until they have ended otherwise: a hundred at once get no further than a
// hundred in a row. Once the address is banned nobody need wait for that.
func (a *admission) admitLocked(cl *client) {
	for len(cl.waiting) > 0 && (cl.asking < a.roomLocked(cl) || time.Now().Before(cl.banned)) {
		close(cl.waiting[0])
		cl.waiting = cl.waiting[1:]
		cl.asking++
	}
}

func (a *admission) roomLocked(cl *client) int {
	room := a.limits.LoginsAtOnce
	if room < 0 {
		room = math.MaxInt
	}
	if a.limits.BanAfter > 0 && a.limits.BanFor > 0 {
		room = min(room, a.limits.BanAfter-cl.failures)
	}
	return room
}

// end makes room for the next. It may be called again.
func (t *attempt) end() {
	t.a.mu.Lock()
	defer t.a.mu.Unlock()
	if t.ended {
		return
	}
	t.ended = true
	if i := slices.Index(t.of.waiting, t.turn); i >= 0 {
		t.of.waiting = slices.Delete(t.of.waiting, i, i+1)
		return
	}
	t.of.asking--
	t.a.admitLocked(t.of)
}

// banned says whether logins under a name are turned away from an address now.
func (a *admission) banned(addr netip.Addr, name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.clientLocked(addr).bans(name)
}

func (cl *client) bans(name string) bool {
	now := time.Now()
	tried := cl.names[tryKey(name)]
	return now.Before(cl.banned) || tried != nil && now.Before(tried.banned)
}

// hashing waits for a place to hash one buffer: hashing is what strangers could best
// burn our time with.
func (a *admission) hashing(ctx context.Context, addr netip.Addr) error {
	return a.hashes.Take(ctx, addr)
}

func (a *admission) hashed(addr netip.Addr) { a.hashes.Give(addr) }
