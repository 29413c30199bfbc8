package monitor

import (
	"net/http"
	"strconv"
)

// kick ends one session.
func (h *Handler) kick(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil {
		plain(w, http.StatusBadRequest, "A session has a number")
		return
	}
	if err := h.srv.Kick(id, nil); err != nil {
		plain(w, http.StatusNotFound, "This session has ended")
		return
	}
	h.log().Info("monitor: session kicked", "session", id, "remote", r.RemoteAddr)
	w.WriteHeader(http.StatusNoContent)
}

// startDrain asks the host program to drain.
func (h *Handler) startDrain(w http.ResponseWriter, r *http.Request) {
	if h.drain == nil {
		plain(w, http.StatusNotFound, "This server cannot be drained from here")
		return
	}
	h.log().Info("monitor: drain", "remote", r.RemoteAddr)
	h.drained.Do(func() { go h.drain() })
	w.WriteHeader(http.StatusAccepted)
}
