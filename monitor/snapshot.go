package monitor

import (
	"cmp"
	"slices"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/printable"
)

// Snapshot is the state of the server at one moment, as /stats.json and /events send
// it. Names are cut at 64 bytes, and "?" replaces characters that would disturb a
// terminal, change the direction of writing or are invisible. If a restart has left
// several processes, counts cover all of them, including those that have ended;
// Sessions, Now and Started are those of the process that answers.
type Snapshot struct {
	Now       time.Time        `json:"now"`
	Started   time.Time        `json:"started"`
	Draining  bool             `json:"draining"` // no process accepts new clients
	Sessions  []Session        `json:"sessions"` // in /events at most 500, those with transfers first
	Clients   int              `json:"clients"`  // sessions of all processes, including those not listed
	Uploads   Totals           `json:"uploads"`
	Downloads Totals           `json:"downloads"`
	Listings  Totals           `json:"listings"`
	Passive   int64            `json:"passive"`   // ports that listen now
	Channels  int              `json:"channels"`  // open passive channels: listening or in use
	Opened    int64            `json:"opened"`    // sessions since the start
	Logins    int64            `json:"logins"`    // successful logins
	Failed    int64            `json:"failed"`    // failed logins
	Panics    int64            `json:"panics"`    // panics of drivers and hooks
	Stuck     int64            `json:"stuck"`     // driver calls that have not returned in time
	Refused   map[string]int64 `json:"refused"`   // by reason, without zeros
	Recent    []Ended          `json:"recent"`    // uploads and downloads, newest first
	UpRate    float64          `json:"up_rate"`   // bytes per second, of all sessions
	DownRate  float64          `json:"down_rate"` // bytes per second, listings included

	// Generations are the other living processes: older ones that drain and, for a
	// moment during a restart, the newer one; see [Options].
	Generations []Generation `json:"generations,omitempty"`
}

// Totals count the transfers of one direction since the start.
type Totals struct {
	Running int64 `json:"running"`
	Done    int64 `json:"done"`
	Failed  int64 `json:"failed"`
	Bytes   int64 `json:"bytes"` // on the wire
}

// Session is a connected client.
type Session struct {
	ID       uint64    `json:"id"`
	Short    string    `json:"short"` // six hex digits
	User     string    `json:"user"`  // empty before login
	Remote   string    `json:"remote"`
	Opened   time.Time `json:"opened"`
	TLS      bool      `json:"tls"`
	Verb     string    `json:"verb"` // current or last command
	Arg      string    `json:"arg"`
	Since    time.Time `json:"since"` // when that command started
	Transfer *Transfer `json:"transfer,omitempty"`
	Passive  []Passive `json:"passive"`
}

// Transfer is a running transfer of a session.
type Transfer struct {
	Verb    string    `json:"verb"`
	Name    string    `json:"name"`
	Started time.Time `json:"started"`
	Bytes   int64     `json:"bytes"`
	Size    int64     `json:"size"` // -1: unknown
	Rate    float64   `json:"rate"` // bytes per second since the last snapshot
}

// Passive is a passive data channel: the client connects to Port.
type Passive struct {
	ID     string    `json:"id"`
	Port   uint16    `json:"port"`
	Verb   string    `json:"verb"`
	Arg    string    `json:"arg"`
	Opened time.Time `json:"opened"`
	Open   bool      `json:"open"`
}

// Ended is a transfer that has ended.
type Ended struct {
	Session uint64    `json:"session"`
	User    string    `json:"user"`
	Verb    string    `json:"verb"`
	Name    string    `json:"name"`
	Upload  bool      `json:"upload"`
	Bytes   int64     `json:"bytes"`
	Ended   time.Time `json:"ended"`
	Seconds float64   `json:"seconds"`
	Code    int       `json:"code"` // code of the final reply
	Text    string    `json:"text"` // text of the final reply
}

// snapshot combines the statistics of all processes into a Snapshot.
func snapshot(own paradise.Stats, others ...Generation) *Snapshot {
	known := together(own, others)
	st := &known.all
	s := &Snapshot{
		Now:       st.Now,
		Started:   st.Started,
		Draining:  st.Draining,
		Sessions:  make([]Session, 0, len(own.Sessions)),
		Clients:   known.clients,
		Uploads:   totals(st.Uploads),
		Downloads: totals(st.Downloads),
		Listings:  totals(st.Listings),
		Passive:   st.PassiveListeners,
		Opened:    st.SessionsTotal,
		Logins:    st.Logins.Done,
		Failed:    st.Logins.Failed,
		Panics:    st.Panics,
		Stuck:     st.Stuck,
		Refused:   make(map[string]int64),
		Recent:    make([]Ended, 0, len(st.Recent)),

		Generations: known.others,
	}
	for _, c := range own.Sessions {
		s.Sessions = append(s.Sessions, session(c))
	}
	s.Channels = openChannels(s.Sessions)
	for _, g := range known.others {
		s.Channels += openChannels(g.Sessions)
	}
	for why, n := range st.Refused {
		if n > 0 {
			s.Refused[why] = n
		}
	}
	for _, r := range st.Recent {
		s.Recent = append(s.Recent, Ended{
			Session: r.Session, User: clean(r.User), Verb: r.Verb, Name: clean(r.Name), Upload: r.Upload,
			Bytes: r.Bytes, Ended: r.Ended, Seconds: r.Duration.Seconds(), Code: r.Code, Text: clean(r.Text),
		})
	}
	return s
}

func totals(t paradise.TransferStats) Totals {
	return Totals{Running: t.Running, Done: t.Done, Failed: t.Failed, Bytes: t.Bytes}
}

func session(c paradise.SessionStats) Session {
	s := Session{ID: c.ID, Short: c.Short, User: clean(c.User), Remote: c.Remote, Opened: c.Opened, TLS: c.TLS,
		Verb: clean(c.Verb), Arg: clean(c.Arg), Since: c.Since, Passive: make([]Passive, 0, len(c.Passive))}
	if t := c.Transfer; t != nil {
		s.Transfer = &Transfer{Verb: t.Verb, Name: clean(t.Name), Started: t.Started, Bytes: t.Bytes, Size: t.Size}
		if t.Bytes > t.Size { // some devices announce an arbitrary size with ALLO
			s.Transfer.Size = -1
		}
	}
	for _, p := range c.Passive {
		s.Passive = append(s.Passive, Passive{
			ID: p.ID, Port: p.Port, Verb: clean(p.Verb), Arg: clean(p.Arg), Opened: p.Opened, Open: p.Open,
		})
	}
	return s
}

// clean returns a client's or another process's text in a form that every view of the
// monitor can show safely.
func clean(s string) string { return printable.Text(s) }

// first returns a copy with at most n sessions, those with transfers first: a browser
// could not show a table of 10,000 rows every second.
func (s *Snapshot) first(n int) *Snapshot {
	some := *s
	some.Sessions = busyFirst(s.Sessions, n)
	some.Generations = bounded(s.Generations)
	return &some
}

func busyFirst(all []Session, n int) []Session {
	if len(all) <= n {
		return all
	}
	some := slices.Clone(all)
	slices.SortStableFunc(some, func(a, b Session) int { return cmp.Compare(idle(a), idle(b)) })
	return some[:n]
}

func idle(s Session) int {
	if s.Transfer == nil {
		return 1
	}
	return 0
}
