package paradise

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// driverGrace is how long a driver has to obey its context.
const driverGrace = 2 * time.Second

// closeGrace is how long Close waits for drivers to obey their contexts.
const closeGrace = 5 * time.Second

// watchdog is a timer that is armed around calls that may hang.
type watchdog struct{ t *time.Timer }

// arm has the caller's late called after d.
func (w *watchdog) arm(d time.Duration, caller interface{ late() }) {
	if w.t == nil {
		w.t = time.AfterFunc(d, caller.late)
		return
	}
	w.t.Reset(d)
}

func (w *watchdog) disarm() {
	if w.t != nil {
		w.t.Stop()
	}
}

// called marks the begin and the end of a call that a driver may not return
// from.
func (c *conn) called(begin bool) {
	limit := c.env.timeouts.Driver
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calling = begin
	if begin {
		c.due = time.Now().Add(limit)
		c.dog.arm(limit, c)
		return
	}
	c.dog.disarm()
	if c.abandoned {
		c.env.stuck.returned(c)
	}
}

// watched is the session's storage for a handler that calls it again and again.
func (c *conn) watched() FileDriver { return watched{c.files(), c} }

// guard and unguard begin a bound anew: the rest of the handler has one too.
func (c *conn) guard()   { c.called(true) }
func (c *conn) unguard() { c.called(true) }

// watched is a driver for the steps of this job.
func (x *xfer) watched(files FileDriver) FileDriver { return watched{files, x} }

// late comes when a driver's call has taken too long outside a transfer: its
// context dies, and if that does not bring it back the session goes without it.
// The timer may have fired as its call returned, and another have begun.
func (c *conn) late() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.calling || time.Now().Before(c.due) {
		return
	}
	c.cause = ErrDriverBlocked
	c.cancel(ErrDriverBlocked)
	due := c.due
	time.AfterFunc(driverGrace, func() { c.giveUp(due) })
}

// giveUp lets a session go whose goroutine does not come back from the driver's
// call that was due then, or from any if due is zero.
func (c *conn) giveUp(due time.Time) {
	c.mu.Lock()
	stuck := c.calling && !c.abandoned && (due.IsZero() || due.Equal(c.due))
	c.abandoned = c.abandoned || stuck
	if stuck {
		c.env.stuck.leave(c, c.facts().ID, c.verb, c.arg)
	}
	c.mu.Unlock()
	if !stuck {
		return
	}
	c.env.log.Error("driver is stuck", "session", c.facts().ID, "verb", c.verbNow())
	c.depart()
	c.send(c.goodbye())
	c.leaveBehind()
}

// leaveBehind ends the session without its goroutine: what it owns is closed.
func (c *conn) leaveBehind() {
	c.dropData()
	c.raw.Close()
	c.leave()
}

// abandon ends a session that Close has waited for in vain.
func (c *conn) abandon() {
	c.mu.Lock()
	x := c.xfer
	c.mu.Unlock()
	if x != nil {
		x.abandon()
	}
	c.giveUp(time.Time{})
	c.leaveBehind()
}

// abandonAll ends the sessions that Close has waited for in vain. A Logger or a hook
// that does not return keeps its session, and nobody else.
func (srv *Server) abandonAll() error {
	var leaving sync.WaitGroup
	for _, c := range srv.env.sessions.all() {
		leaving.Go(c.abandon)
	}
	gone := make(chan struct{})
	go func() {
		leaving.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(driverGrace):
	}
	if n := len(srv.env.sessions.all()); n > 0 {
		return fmt.Errorf("paradise: sessions are held up by Logger or a hook that does not return: %d", n)
	}
	return nil
}

// leftBehind reports whether the session has ended without its goroutine.
func (c *conn) leftBehind() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.abandoned || c.gone
}

func (c *conn) verbNow() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.verb
}

// stuckCalls are the calls of drivers that sessions have left behind. The zero
// value is ready.
type stuckCalls struct {
	mu    sync.Mutex
	calls map[any]string // by session or transfer: what it had asked for
}

func (s *stuckCalls) leave(owner any, session uint64, verb, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = make(map[any]string)
	}
	s.calls[owner] = strings.TrimSpace(fmt.Sprintf("session %d: %s %s", session, verb, displayed(name)))
}

// returned is for a call that has come back after all.
func (s *stuckCalls) returned(owner any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, owner)
}

func (s *stuckCalls) count() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.calls))
}

// err is nil if there are none.
func (s *stuckCalls) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) == 0 {
		return nil
	}
	all := make([]string, 0, len(s.calls))
	for _, call := range s.calls {
		all = append(all, call)
	}
	slices.Sort(all)
	return fmt.Errorf("%w: %s", ErrDriverBlocked, strings.Join(all, "; "))
}
