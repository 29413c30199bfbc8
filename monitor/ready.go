package monitor

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// readyFor is how long an answer is reused. Everybody may ask, and a new answer costs
// a copy of every session.
const readyFor = time.Second

// readyWait bounds the time in which Options.Ready must return.
const readyWait = 2 * time.Second

// readiness finds out whether a server accepts new clients.
type readiness struct {
	draining func() bool  // called at most once a second
	host     func() error // Options.Ready, called at most once a second; may be nil

	mu     sync.Mutex
	until  time.Time  // when state expires
	state  string     // the current answer
	answer chan error // result of a call of host that has not returned in time
}

// These are the answers of /readyz. They do not contain the host program's error,
// because strangers may ask.
const (
	isReady    = "ready"
	isDraining = "draining"
	isNotReady = "not ready"
)

// look returns the current answer, and renews it if it has expired. Requests that come
// at once wait for the same renewal. A server that drains never becomes ready again.
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

var errLate = errors.New("monitor: Options.Ready has not returned in time")

// ask calls host and waits at most readyWait for the result. A call that hangs is not
// repeated until it has returned.
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

// guarded calls host and turns a panic into an error.
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
