package monitor

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// eventTime is how long a viewer may take to accept one event.
const eventTime = 10 * time.Second

// stats is one snapshot with every session.
func (h *Handler) stats(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.Encode(h.hub.now())
}

// events streams snapshots until the viewer leaves.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	// The server's own timeouts are for requests that end.
	err := errors.Join(rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Now().Add(eventTime)))
	if err != nil {
		plain(w, http.StatusInternalServerError, "This server cannot stream events")
		return
	}
	v, ok := h.hub.join()
	if !ok {
		w.Header().Set("Retry-After", "10")
		plain(w, http.StatusServiceUnavailable, "Too many are watching")
		return
	}
	defer h.hub.leave(v)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events back
	for {
		select {
		case e := <-v.news:
			if !send(rc, w, e) {
				return
			}
		case <-v.gone:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// send writes one event under a deadline of its own.
func send(rc *http.ResponseController, w http.ResponseWriter, e []byte) bool {
	if rc.SetWriteDeadline(time.Now().Add(eventTime)) != nil {
		return false
	}
	if _, err := w.Write(e); err != nil {
		return false
	}
	return rc.Flush() == nil
}
