package paradise

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/paradiseftp/paradise/internal/printable"
)

// Stats is a copy of what the server knows of itself at one moment.
type Stats struct {
	Started  time.Time
	Now      time.Time
	Draining bool // Shutdown, Drain or Close was called
	Sessions []SessionStats

	SessionsTotal    int64 // opened since Started
	Logins           Attempts
	Commands         map[string]int64 // by verb; unknown ones under "OTHER"
	Uploads          TransferStats
	Downloads        TransferStats
	Listings         TransferStats
	PassiveListeners int64            // open now
	Handshakes       Attempts         // TLS of control connections
	DataTLS          Attempts         // TLS of data connections
	Refused          map[string]int64 // by reason
	Panics           int64            // of drivers and hooks, caught
	Stuck            int64            // driver calls that have not returned in time
	Unexpected       int64            // replies outside the command table: a bug of paradise's

	// Recent are the uploads and downloads that ended last, newest first, 50 at
	// most.
	Recent []TransferRecord
}

// Attempts counts what may fail, by how it ended.
type Attempts struct {
	Done   int64
	Failed int64
}

// TransferStats are totals of one direction.
type TransferStats struct {
	Running int64
	Done    int64 // ended with 226
	Failed  int64
	Bytes   int64 // on the wire

	// Durations counts Done and Failed by how long they took, the shortest first.
	Durations []DurationCount
	Duration  time.Duration // of all of them together
}

// SessionStats describes one session. Names and arguments are cut at 64 bytes.
type SessionStats struct {
	ID       uint64
	Short    string // six hex digits, unique among the living
	User     string // empty before login
	Remote   string
	Opened   time.Time
	TLS      bool
	Verb     string    // of the current or last command
	Arg      string    // secrets hidden
	Since    time.Time // begin of that command
	Transfer *TransferNow
	Passive  []PassiveStats // the open one and those that ended last, eight at most, oldest first
}

// TransferNow describes a transfer that runs.
type TransferNow struct {
	Verb    string
	Name    string
	Started time.Time
	Bytes   int64
	Size    int64 // -1 if unknown
}

// PassiveStats describes one passive data channel.
type PassiveStats struct {
	ID     string // six hex digits
	Port   uint16
	Verb   string // the command that opened it, then the one that used it
	Arg    string
	Opened time.Time
	Open   bool
}

// channelRecord is a passive channel as remembered for people. Guarded by the
// session's mu.
type channelRecord struct {
	id     uint32
	port   uint16
	verb   string // that opened it
	arg    string
	use    string // the verb that uses it; empty before, and once that was refused
	useArg string
	opened time.Time
	open   bool
}

// unused is for a command that was refused before it moved anything.
func (r *channelRecord) unused() {
	if r != nil {
		r.use, r.useArg = "", ""
	}
}

// shown is the command that people see.
func (r *channelRecord) shown() (verb, arg string) {
	if r.use != "" {
		return r.use, r.useArg
	}
	return r.verb, r.arg
}

// channelsKept is how many passive channels of a session are remembered.
const channelsKept = 8

// displayed cuts what is kept for people.
func displayed(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strings.ToValidUTF8(strings.Clone(s), "?")
}

func hexID(id uint32) string { return fmt.Sprintf("%06x", id&0xFFFFFF) }

// WriteText writes s in the form for people:
//
//	2 client(s), 6 passive(s), Up for 00:00:29
//	   41949e 00:00:20, user1
//	     0fbeb0 00:00:08, 59119 LIST
//
// The head counts what the lines list. Characters that are not meant to be seen, or
// that turn the direction of writing, become "?".
func (s Stats) WriteText(w io.Writer) error {
	var b strings.Builder
	passive := 0
	for _, ses := range s.Sessions {
		passive += len(ses.Passive)
	}
	fmt.Fprintf(&b, "%d client(s), %d passive(s), Up for %s\n", len(s.Sessions), passive, clock(s.Now.Sub(s.Started)))
	for _, ses := range s.Sessions {
		user := printable.Text(cmp.Or(ses.User, "-"))
		fmt.Fprintf(&b, "   %s %s, %s\n", ses.Short, clock(s.Now.Sub(ses.Opened)), user)
		for _, p := range ses.Passive {
			verb, arg := printable.Text(p.Verb), printable.Text(p.Arg)
			fmt.Fprintf(&b, "     %s %s, %d %s %s\n", p.ID, clock(s.Now.Sub(p.Opened)), p.Port, verb, arg)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// clock writes a duration as hours, minutes and seconds.
func clock(d time.Duration) string {
	n := int64(max(d, 0) / time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", n/3600, n/60%60, n%60)
}
