package paradise

import (
	"cmp"
	"slices"
	"time"
)

// Stats returns a snapshot. It never waits for a session, a driver or the
// network, and may be called at any time.
func (srv *Server) Stats() Stats {
	st, e := &srv.state, &srv.env
	k := &e.counters
	s := Stats{
		Now:              time.Now(),
		SessionsTotal:    k.sessions.Load(),
		Logins:           Attempts{Done: k.logins.Load(), Failed: k.failed.Load()},
		Uploads:          k.transfers(dirUpload),
		Downloads:        k.transfers(dirDownload),
		Listings:         k.transfers(dirListing),
		PassiveListeners: k.listeners.Load(),
		Handshakes:       attempts(&k.handshakes),
		DataTLS:          attempts(&k.secured),
		Refused:          make(map[string]int64),
		Panics:           k.panics.Load(),
		Stuck:            e.stuck.count(),
		Unexpected:       k.unexpected.Load(),
		Recent:           k.recent.list(),
	}
	for why := range k.refused {
		s.Refused[refusal(why).String()] = k.refused[why].Load()
	}
	st.mu.Lock()
	s.Started, s.Draining = st.started, st.draining
	s.Commands = e.table.counts()
	st.mu.Unlock()
	if s.Started.IsZero() {
		s.Started = s.Now
	}
	for _, c := range e.sessions.all() {
		s.Sessions = append(s.Sessions, c.stats())
	}
	slices.SortFunc(s.Sessions, func(a, b SessionStats) int { return cmp.Compare(a.ID, b.ID) })
	return s
}
