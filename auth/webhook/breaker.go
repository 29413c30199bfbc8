package webhook

import (
	"sync"
	"time"
)

// outcome is what a call told about the service.
type outcome int

const (
	undecided outcome = iota // nothing
	answered
	failed
)

// breaker spares a service that is down, and the clients the wait for it.
type breaker struct {
	after int           // failures in a row that open it; negative: never
	pause time.Duration // for which it stays open

	mu       sync.Mutex
	failures int       // in a row
	until    time.Time // when the next probe may go
	probing  bool
}

// enter reports whether a call may be made, and whether it is the one probe.
// Each call that may must leave.
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
