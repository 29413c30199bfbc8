package monitor

import "net/http"

// mayRead asks the host program, where it has the say.
func (h *Handler) mayRead(r *http.Request) bool {
	read, _ := h.authorize(r)
	return read
}

// mayAct likewise.
func (h *Handler) mayAct(r *http.Request) bool {
	_, act := h.authorize(r)
	return act
}

// keepsReading reports whether a stream may go on: a login of the host program's may have
// ended since the stream began.
func (h *Handler) keepsReading(r *http.Request) bool { return h.authorize == nil || h.mayRead(r) }

// refuseReader and refuseActor say no for the host program. Its login is in front of the
// monitor, so there is nothing to sign in to.
func refuseReader(w http.ResponseWriter) {
	plain(w, http.StatusForbidden, "You may not look at this monitor")
}

func refuseActor(w http.ResponseWriter) {
	plain(w, http.StatusForbidden, "You may not act on this server")
}
