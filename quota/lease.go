package quota

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/paradiseftp/paradise"
)

// lease is what one change has reserved in the Store. The driver renews it for as
// long as the change lasts.
type lease struct {
	a      *account
	id     string
	limits Limits

	mu   sync.Mutex // held while the Store is asked
	l    Lease
	sent bool      // the Store may know it
	told time.Time // when the Store last took it
	over bool      // it has ended
	owes *Usage    // it has ended with this change, and the Store has not said that it knows
}

func (a *account) lease(l Limits) *lease {
	id := a.q.newID()
	return &lease{a: a, id: id, limits: l, l: Lease{ID: id, TTL: a.q.o.Lease}}
}

// hold makes the lease hold so much.
func (l *lease) hold(ctx context.Context, want Usage) (Account, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.l
	next.Hold = want
	return l.ask(ctx, next)
}

// ask changes the lease in the Store. The caller holds mu.
func (l *lease) ask(ctx context.Context, next Lease) (Account, error) {
	begun := time.Now()
	l.sent = true
	acc, err := l.a.q.o.Store.Reserve(ctx, l.a.key, next, l.limits)
	if errors.Is(err, ErrUncounted) {
		l.a.forget()
	}
	if err == nil {
		l.l, l.told = next, begun
		l.a.q.leases.add(l)
	}
	return acc, err
}

// Pauses between two requests for names that another server is changing.
const (
	firstPause = time.Millisecond
	lastPause  = 50 * time.Millisecond
)

// claim gives the names that it is about to change to the lease, or all of them. It
// waits for other servers as long as ctx lasts.
func (l *lease) claim(ctx context.Context, alone bool, names ...string) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := l.tryClaim(ctx, alone, names)
		if !errors.Is(err, paradise.ErrBusy) {
			return err
		}
		if pause == firstPause { // it may be ours, of a change that the Store was not told
			l.a.q.leases.hurry()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

func (l *lease) tryClaim(ctx context.Context, alone bool, names []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.l
	next.Alone, next.Names = alone, names
	_, err := l.ask(ctx, next)
	return err
}

// claimLater notes what a change is about that the Store could not be told: it is
// told with the next renewal, or the end.
func (l *lease) claimLater(alone bool, names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.l.Alone, l.l.Names = alone, names
	l.a.q.leases.add(l)
}

// yield gives the names back of a change that did not begin.
func (l *lease) yield(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || !l.l.changes() {
		return
	}
	next := l.l
	next.Alone, next.Names = false, nil
	_, _ = l.ask(context.WithoutCancel(ctx), next) // else it comes with Abort
}

// held is what it holds.
func (l *lease) held() Usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.l.Hold
}

// settle ends the lease, once, with what the change came to. A Store that does not
// answer gets it later.
func (l *lease) settle(ctx context.Context, change Usage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.over = true
	if !l.sent && change == (Usage{}) {
		return
	}
	if err := l.a.q.o.Store.Settle(context.WithoutCancel(ctx), l.a.key, l.l, change); err != nil {
		l.a.q.o.Logger.Error("quota cannot be noted; it is tried again", "account", l.a.key, "error", err)
		l.owes = &change
		l.a.q.leases.owe(l)
		return
	}
	l.a.q.leases.remove(l)
	l.a.q.leases.hurry()
}

// pay tells the Store once more how the change ended. Until it knows, the lease has
// to live: it stands for what was stored, and no count may take that in besides.
// The caller holds mu.
func (l *lease) pay(ctx context.Context) error {
	err := l.a.q.o.Store.Settle(ctx, l.a.key, l.l, *l.owes)
	if err != nil {
		_, _ = l.ask(ctx, l.l) // refused where Settle was done and its answer lost
		return err
	}
	l.owes = nil
	l.a.q.leases.remove(l)
	return nil
}

// renew keeps the Store from forgetting the lease.
func (l *lease) renew(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	switch {
	case l.owes != nil:
		err = l.pay(ctx)
	case !l.over && time.Since(l.told) >= l.l.TTL/renewals:
		_, err = l.ask(ctx, l.l)
	}
	if err != nil {
		l.a.q.o.Logger.Warn("quota reservation cannot be renewed", "account", l.a.key, "error", err)
	}
}

// renewals is how often a lease is renewed before it would expire.
const renewals = 3

// leases are those that must be renewed. A timer runs while there are any.
type leases struct {
	q     *Driver
	mu    sync.Mutex
	all   map[*lease]bool // whether it owes
	owing int
	timer *time.Timer
}

func (s *leases) add(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.all[l]; !known {
		s.put(l, false)
	}
}

// owe adds a lease whose end the Store is yet to be told.
func (s *leases) owe(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(l, true)
	s.owing++
}

func (s *leases) put(l *lease, owes bool) {
	if s.all == nil {
		s.all = make(map[*lease]bool)
	}
	s.all[l] = owes
	if len(s.all) == 1 {
		s.arm()
	}
}

func (s *leases) remove(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[l] {
		s.owing--
	}
	delete(s.all, l)
	if len(s.all) == 0 && s.timer != nil {
		s.timer.Stop()
	}
}

// arm has all leases renewed after a while. The caller holds mu.
func (s *leases) arm() {
	after := s.q.o.Lease / (2 * renewals)
	if s.timer == nil {
		s.timer = time.AfterFunc(after, s.renew)
		return
	}
	s.timer.Reset(after)
}

// hurry tells the Store now what it did not take before: it may answer again.
func (s *leases) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil && s.owing > 0 {
		s.timer.Reset(0)
	}
}

func (s *leases) renew() {
	s.mu.Lock()
	var all []*lease
	for l := range s.all {
		all = append(all, l)
	}
	s.mu.Unlock()
	for _, l := range all {
		ctx, cancel := context.WithTimeout(s.q.ctx, s.q.o.Lease/renewals)
		l.renew(ctx)
		cancel()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) > 0 && s.q.ctx.Err() == nil {
		s.arm()
	}
}

func (s *leases) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
}
