package monitor

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/paradiseftp/paradise"
)

// kick ends one session.
func (h *Handler) kick(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil {
		plain(w, http.StatusBadRequest, "The session ID must be a number")
		return
	}
	switch err := h.end(id); {
	case errors.Is(err, paradise.ErrNoSession):
		plain(w, http.StatusNotFound, "This session has ended")
		return
	case err != nil:
		plain(w, http.StatusBadGateway, "The process of this session does not answer")
		return
	}
	h.log().Info("monitor: session kicked", "session", id, "remote", r.RemoteAddr)
	w.WriteHeader(http.StatusNoContent)
}

// end ends a session in this process or another one. A session ID is unique across
// all of them.
func (h *Handler) end(id uint64) error {
	err := h.srv.Kick(id, nil)
	if errors.Is(err, paradise.ErrNoSession) && h.kickOther != nil {
		return h.kickOther(id)
	}
	return err
}

// startDrain asks the host program to drain the server.
func (h *Handler) startDrain(w http.ResponseWriter, r *http.Request) {
	if h.drain == nil {
		plain(w, http.StatusNotFound, "This server cannot be drained from here")
		return
	}
	h.log().Info("monitor: drain", "remote", r.RemoteAddr)
	h.drained.Do(func() { go h.drain() })
	w.WriteHeader(http.StatusAccepted)
}
