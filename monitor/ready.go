package monitor

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// readyFor is how long an answer is repeated. Anybody may ask, and finding out
// costs a copy of every session.
const readyFor = time.Second

// readyWait is how long the host program may take to say whether it is ready.
const readyWait = 2 * time.Second

// readiness knows whether a server takes new clients.
type readiness struct {
	draining func() bool  // asked once a second at most
	host     func() error // likewise; nil: the host program has no say

	mu     sync.Mutex
	until  time.Time  // when the state must be looked at again
	state  string     // the answer until then
	answer chan error // of a call of host that has not returned in time
}

// The answers of /readyz. What keeps the host program from serving is for its
// log: strangers may ask.
const (
	isReady    = "ready"
	isDraining = "draining"
	isNotReady = "not ready"
)

// look lets those who ask at once wait for one look. A drain has no way back.
func (r *readiness) look() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.state == isDraining || now.Before(r.until) {
		return r.state
	}
	switch {
	case r.draining():
		r.state = isDraining
	case r.ask() != nil:
		r.state = isNotReady
	default:
		r.state = isReady
	}
	r.until = time.Now().Add(readyFor)
	return r.state
}

var errLate = errors.New("monitor: no word of the host program yet")

// ask waits a bounded time for the host program; a call that hangs is not made
// again before it returns.
func (r *readiness) ask() error {
	if r.host == nil {
		return nil
	}
	if r.answer == nil {
		answer := make(chan error, 1)
		r.answer = answer
		go func() { answer <- r.guarded() }()
	}
	late := time.NewTimer(readyWait)
	defer late.Stop()
	select {
	case err := <-r.answer:
		r.answer = nil
		return err
	case <-late.C:
		return errLate
	}
}

// guarded makes an error of a panic.
func (r *readiness) guarded() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("monitor: panic in Options.Ready: %v", p)
		}
	}()
	return r.host()
}

func (h *Handler) readyz(w http.ResponseWriter, _ *http.Request) {
	state, code := h.readiness.look(), http.StatusOK
	if state != isReady {
		code = http.StatusServiceUnavailable
	}
	plain(w, code, state)
}
