package monitor

import (
	"slices"
	"sync"
	"time"

	"github.com/paradiseftp/paradise"
)

// Generation is another process of this server: an older one that has handed over its
// listeners and serves its last sessions or, for a moment during a restart, the newer
// one.
type Generation struct {
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
	Serving   bool      `json:"serving,omitempty"` // it accepts new clients too: it does not drain
	Silent    bool      `json:"silent,omitempty"`  // it did not answer: these are its last known figures
	Sessions  []Session `json:"sessions"`          // in /events at most 20, those with transfers first
	Clients   int       `json:"clients"`           // number of sessions, including those not listed
	Transfers int64     `json:"transfers"`         // running now, listings included

	// Stats are the statistics of that process. If they are set (Now is not zero),
	// the fields above except PID and Silent are derived from them, and the monitor
	// shows the sum over all processes. Zero: the fields above are used.
	Stats paradise.Stats `json:"-"`

	// Ended means that the process has exited. Only the totals in Stats are used
	// then, so that the server's totals do not decrease.
	Ended bool `json:"-"`
}

// maxOlder is the most sessions of another process that an event lists.
const maxOlder = 20

// answerTime bounds the wait for the other processes. After it their last known
// figures are shown.
const answerTime = 2 * time.Second

// relatives knows the other processes. However many viewers ask at once, it runs only
// one query at a time.
type relatives struct {
	ask func() []Generation // nil: there are no other processes

	mu     sync.Mutex
	told   []Generation // the last answer
	asking bool
	next   chan struct{} // closed when the next query is answered; nil: nobody waits for one
}

// now returns copies of what the others answer. The caller must hold no lock, because
// the answer may take up to answerTime.
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

// question starts a new query, and returns a channel that is closed when it is
// answered. The answer to a query that is already running will not do: it may be older
// than figures that another process has shown meanwhile, and totals would decrease.
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

// run queries the other processes as long as somebody waits for an answer.
func (r *relatives) run() {
	for answered := r.take(); answered != nil; answered = r.take() {
		told := r.ask()
		r.mu.Lock()
		r.told = told
		r.mu.Unlock()
		close(answered)
	}
}

// take returns the channel to close when the next query is answered, or nil if nobody
// waits, which ends run.
func (r *relatives) take() chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting := r.next
	r.next, r.asking = nil, waiting != nil
	return waiting
}

// filled returns a copy of g that can be shown: its fields are filled from Stats and
// its names are clean.
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

// server is the state of the server, which may consist of several processes.
type server struct {
	all     paradise.Stats // the sum over all processes
	clients int            // number of sessions in all processes
	others  []Generation   // the other processes that still live
}

// together adds up the statistics of this process and the others.
func together(own paradise.Stats, others []Generation) server {
	s := server{all: own, clients: len(own.Sessions)}
	for _, g := range others {
		s.all = s.all.Add(g.told())
		s.clients += g.Clients
		if g.Serving {
			s.all.Draining = false // this process accepts new clients for the server
		}
		if !g.Ended {
			s.others = append(s.others, g)
		}
	}
	return s
}

// told returns what g adds to the sum.
func (g *Generation) told() paradise.Stats {
	st := g.Stats
	if st.Now.IsZero() {
		for _, s := range g.Sessions {
			st.Sessions = append(st.Sessions, sessionStats(s))
		}
	}
	return st
}

// sessionStats returns those fields of a session that the text form shows.
func sessionStats(s Session) paradise.SessionStats {
	st := paradise.SessionStats{ID: s.ID, Short: s.Short, User: s.User, Remote: s.Remote, Opened: s.Opened}
	for _, p := range s.Passive {
		st.Passive = append(st.Passive, paradise.PassiveStats(p))
	}
	return st
}

// cleanSession cleans the names in a session of another process, as session does for
// this process's.
func cleanSession(s Session) Session {
	s.Short, s.User, s.Remote = clean(s.Short), clean(s.User), clean(s.Remote)
	s.Verb, s.Arg = clean(s.Verb), clean(s.Arg)
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

// bounded returns a copy of list with at most maxOlder sessions per process.
func bounded(list []Generation) []Generation {
	some := slices.Clone(list)
	for i, g := range some {
		some[i].Sessions = busyFirst(g.Sessions, maxOlder)
	}
	return some
}
