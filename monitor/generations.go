package monitor

import (
	"slices"
	"time"

	"github.com/paradiseftp/paradise"
)

// Generation is an older process of this server, which has handed its listeners
// on and serves its last sessions.
type Generation struct {
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
	Sessions  []Session `json:"sessions"`  // of /events the first 20, those with transfers before the others
	Clients   int       `json:"clients"`   // number of sessions, at least those listed
	Transfers int64     `json:"transfers"` // that run now, listings included
}

// maxOlder is how many sessions of an older process an event has.
const maxOlder = 20

// older asks the host program for the processes that drain. Whoever calls it
// holds no lock: the answer may take its time.
func (h *hub) older() []Generation {
	if h.generations == nil {
		return nil
	}
	list := slices.Clone(h.generations())
	for i := range list {
		g := &list[i]
		g.Clients = max(g.Clients, len(g.Sessions))
		cleaned := make([]Session, 0, len(g.Sessions))
		for _, s := range g.Sessions {
			cleaned = append(cleaned, cleanSession(s))
		}
		g.Sessions = cleaned
	}
	return list
}

// everybody is what the server knows of itself with the sessions of the older
// processes before its own: for a reader of the text form it is one server.
func (h *hub) everybody() paradise.Stats {
	older := h.older()
	all := h.srv.Stats()
	own := all.Sessions
	all.Sessions = nil
	for _, g := range older {
		for _, s := range g.Sessions {
			all.Sessions = append(all.Sessions, sessionStats(s))
		}
	}
	all.Sessions = append(all.Sessions, own...)
	return all
}

// sessionStats is what the text form tells of a session.
func sessionStats(s Session) paradise.SessionStats {
	st := paradise.SessionStats{ID: s.ID, Short: s.Short, User: s.User, Remote: s.Remote, Opened: s.Opened}
	for _, p := range s.Passive {
		st.Passive = append(st.Passive, paradise.PassiveStats(p))
	}
	return st
}

// cleanSession does for another process's session what session does for ours.
func cleanSession(s Session) Session {
	s.Short, s.User, s.Remote, s.Verb, s.Arg = clean(s.Short), clean(s.User), clean(s.Remote), clean(s.Verb), clean(s.Arg)
	if t := s.Transfer; t != nil {
		c := *t
		c.Verb, c.Name = clean(t.Verb), clean(t.Name)
		s.Transfer = &c
	}
	passive := make([]Passive, 0, len(s.Passive))
	for _, p := range s.Passive {
		p.Verb, p.Arg = clean(p.Verb), clean(p.Arg)
		passive = append(passive, p)
	}
	s.Passive = passive
	return s
}
