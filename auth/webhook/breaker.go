package webhook

import (
	"sync"
	"time"
)

// outcome is what a call says about the state of the service.
type outcome int

const (
	undecided outcome = iota // the call says nothing about it
	answered
	failed
)

// breaker is a circuit breaker: it stops calls to a service that is down, so that
// clients do not wait for it in vain.
type breaker struct {
	after int           // failures in a row that open it; negative: it never opens
	pause time.Duration // how long it stays open

	mu       sync.Mutex
	failures int       // failures in a row
	until    time.Time // the earliest time of the next probe
	probing  bool
}

// enter reports whether a call may be made, and whether it is the one probe. Every call
// that may be made must be followed by leave.
func (b *breaker) enter(now time.Time) (probe, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.after < 0 || b.failures < b.after {
		return false, true
	}
	if b.probing || now.Before(b.until) {
		return false, false
	}
	b.probing = true
	return true, true
}

func (b *breaker) leave(probe bool, o outcome, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
	switch o {
	case answered:
		b.failures = 0
	case failed:
		b.failures++
		b.until = now.Add(b.pause)
	}
}
