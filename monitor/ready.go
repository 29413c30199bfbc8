package monitor

import (
	"net/http"
	"sync"
	"time"
)

// readyFor is how long "ready" is repeated. Anybody may ask, and finding out
// costs a copy of every session.
const readyFor = time.Second

// readiness knows whether a server takes new clients.
type readiness struct {
	draining func() bool // asked once a second at most

	mu    sync.Mutex
	until time.Time // when "ready" must be checked again
	over  bool      // it drains: that has no way back
}

// ready lets those who ask at once wait for one look.
func (r *readiness) ready() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return false
	}
	now := time.Now()
	if now.Before(r.until) {
		return true
	}
	r.over = r.draining()
	r.until = now.Add(readyFor)
	return !r.over
}

func (h *Handler) readyz(w http.ResponseWriter, _ *http.Request) {
	if !h.readiness.ready() {
		plain(w, http.StatusServiceUnavailable, "draining")
		return
	}
	plain(w, http.StatusOK, "ready")
}
