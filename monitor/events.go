package monitor

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// eventTime bounds the time in which a viewer must accept one event.
const eventTime = 10 * time.Second

// stats sends one snapshot with every session.
func (h *Handler) stats(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.Encode(h.hub.now())
}

// events streams snapshots until the viewer leaves.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	// The timeouts of the http.Server would end the stream.
	err := errors.Join(rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Now().Add(eventTime)))
	if err != nil {
		plain(w, http.StatusInternalServerError, "This server cannot stream events")
		return
	}
	v, ok := h.hub.join()
	if !ok {
		w.Header().Set("Retry-After", "10")
		plain(w, http.StatusServiceUnavailable, "Too many viewers: try again later")
		return
	}
	defer h.hub.leave(v)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // otherwise nginx buffers the events
	for {
		select {
		case e := <-v.news:
			if !h.keepsReading(r) || !send(rc, w, e) {
				return
			}
		case <-v.gone:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// send writes one event, with a new deadline.
func send(rc *http.ResponseController, w http.ResponseWriter, e []byte) bool {
	if rc.SetWriteDeadline(time.Now().Add(eventTime)) != nil {
		return false
	}
	if _, err := w.Write(e); err != nil {
		return false
	}
	return rc.Flush() == nil
}
