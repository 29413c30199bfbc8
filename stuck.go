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
