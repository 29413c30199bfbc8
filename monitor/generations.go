package monitor

import (
	"slices"
	"sync"
	"time"

	"github.com/paradiseftp/paradise"
)

// Generation is another process of this server: an older one that has handed its
// listeners on and serves its last sessions, or for a moment of a restart the
// newer one.
type Generation struct {
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
	Serving   bool      `json:"serving,omitempty"` // it does not drain: it takes new clients too
	Silent    bool      `json:"silent,omitempty"`  // it did not answer: this is what it told last
	Sessions  []Session `json:"sessions"`          // of /events the first 20, those with transfers before the others
	Clients   int       `json:"clients"`           // number of sessions, at least those listed
	Transfers int64     `json:"transfers"`         // that run now, listings included

	// Stats are what the process knows of itself. Where they are given (their Now
	// is set) the fields above, but for PID and Silent, are taken from them, and
	// what is shown of the server is the sum over all processes.
	Stats paradise.Stats `json:"-"`

	// Ended says that the process has gone: only what Stats counts is used, so
	// that no total goes back.
	Ended bool `json:"-"`
}

// maxOlder is how many sessions of another process an event has.
const maxOlder = 20

// answerTime is how long anybody waits for the other processes; what they told
// last is shown then.
const answerTime = 2 * time.Second

// relatives are the other processes. However many want to know of them, one
// question is out at a time.
type relatives struct {
	ask func() []Generation // nil: there are none

	mu     sync.Mutex
	told   []Generation
	asking bool
	next   chan struct{} // closed by the answer to the next question; nil: nobody waits
}

// now returns what the others tell, in copies. Whoever calls it holds no lock: the
// answer may take its time.
func (r *relatives) now() []Generation {
	if r.ask == nil {
		return nil
	}
	late := time.NewTimer(answerTime)
	defer late.Stop()
	select {
	case <-r.question():
	case <-late.C:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Generation, 0, len(r.told))
	for _, g := range r.told {
		list = append(list, g.filled())
	}
	return list
}

// question is one that is asked from now on. An answer to one that is out already
// may be older than what another process has shown meanwhile: totals would go
// back.
func (r *relatives) question() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = make(chan struct{})
	}
	if !r.asking {
		r.asking = true
		go r.run()
	}
	return r.next
}

// run asks as long as somebody waits.
func (r *relatives) run() {
	for answered := r.take(); answered != nil; answered = r.take() {
		told := r.ask()
		r.mu.Lock()
		r.told = told
		r.mu.Unlock()
		close(answered)
	}
}

// take is who waits for the question that is asked next; nil ends run.
func (r *relatives) take() chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting := r.next
	r.next, r.asking = nil, waiting != nil
	return waiting
}

// filled is a copy of g, fit to be shown.
func (g Generation) filled() Generation {
	if g.Ended {
		g.Stats = g.Stats.Totals()
	}
	if st := &g.Stats; !st.Now.IsZero() {
		g.Started, g.Serving = st.Started, !st.Draining && !g.Ended
		g.Transfers = st.Uploads.Running + st.Downloads.Running + st.Listings.Running
		g.Clients = len(st.Sessions)
		g.Sessions = make([]Session, 0, len(st.Sessions))
		for _, s := range st.Sessions {
			g.Sessions = append(g.Sessions, session(s))
		}
		return g
	}
	g.Clients = max(g.Clients, len(g.Sessions))
	cleaned := make([]Session, 0, len(g.Sessions))
	for _, s := range g.Sessions {
		cleaned = append(cleaned, cleanSession(s))
	}
	g.Sessions = cleaned
	return g
}

// server is what is known of the server, which may be several processes.
type server struct {
	all     paradise.Stats // the sum
	clients int            // number of sessions
	others  []Generation   // that live
}

// together sums this process and the others.
func together(own paradise.Stats, others []Generation) server {
	s := server{all: own, clients: len(own.Sessions)}
	for _, g := range others {
		s.all = s.all.Add(g.told())
		s.clients += g.Clients
		if g.Serving {
			s.all.Draining = false // new clients are taken, by whichever process
		}
		if !g.Ended {
			s.others = append(s.others, g)
		}
	}
	return s
}

// told is what g adds to the sum.
func (g *Generation) told() paradise.Stats {
	st := g.Stats
	if st.Now.IsZero() {
		for _, s := range g.Sessions {
			st.Sessions = append(st.Sessions, sessionStats(s))
		}
	}
	return st
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

// openChannels counts the passive channels that are open.
func openChannels(sessions []Session) int {
	n := 0
	for _, s := range sessions {
		for _, p := range s.Passive {
			if p.Open {
				n++
			}
		}
	}
	return n
}

// everySession ranges over the sessions of all processes.
func (s *Snapshot) everySession(yield func(*Session) bool) {
	lists := [][]Session{s.Sessions}
	for _, g := range s.Generations {
		lists = append(lists, g.Sessions)
	}
	for _, list := range lists {
		for i := range list {
			if !yield(&list[i]) {
				return
			}
		}
	}
}

// bounded is a copy of an event's generations.
func bounded(list []Generation) []Generation {
	some := slices.Clone(list)
	for i, g := range some {
		some[i].Sessions = busyFirst(g.Sessions, maxOlder)
	}
	return some
}
