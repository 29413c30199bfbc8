package paradise

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paradiseftp/paradise/internal/ftptls"
	"github.com/paradiseftp/paradise/internal/line"
)

// conn is one control connection. The goroutine that runs loop owns it, but for
// the fields below mu, which the server, Stats and the transfer touch too.
//
// Thousands of them idle: what is of use only while a goroutine runs is in awake.
type conn struct {
	env     *env
	base    context.Context // without the session's end
	ctx     context.Context
	cancel  context.CancelCauseFunc
	raw     net.Conn // the transport
	nc      net.Conn // raw, or TLS over it
	session atomic.Pointer[Session]
	started time.Time

	params params
	tls    tlsState
	data   atomic.Pointer[dataChan] // offered or announced, not yet taken by a transfer

	mu        sync.Mutex
	*awake    // nil while parked
	wakes     wakeReason
	waiting   bool      // the loop is in a read that a past deadline may end
	parked    bool      // no goroutine waits: the parker does
	unparked  bool      // the parker has just woken it: it reads before it parks again
	spoke     bool      // the client has sent a byte of a command
	gone      bool      // removed from the server
	calling   bool      // a driver's call runs outside a transfer
	abandoned bool      // and the session goes without its end
	departed  bool      // the limits count it no more
	bed       berth     // of the parker
	lastUse   time.Time // end of the last command or transfer
	lastLine  time.Time // for people: begin of the current command
	xfer      *xfer
	cause     error // why stop was called
	verb      string
	arg       string
	channels  []*channelRecord
	counted   string    // the user as counted in the limits
	lingering *dataChan // of no use any more; its client may not know yet
}

// awake is what a session has while it is not parked. Who has not logged in is
// never parked.
type awake struct {
	lines     line.Reader
	lineStart time.Time // when a line began that has not ended
	login     loginState
	stranger  time.Time // since when nobody has been logged in
	sending   turn
	dog       watchdog  // bounds driver calls made by the loop
	due       time.Time // when the call that runs has taken too long; guarded by mu
	queue     []string  // lines that wait for a transfer to end; guarded by mu
}

var awakes = sync.Pool{New: func() any { return new(awake) }}

func (c *conn) setID(id uint64) {
	c.facts().ID = id // nobody else has seen it yet
}

// facts is the session as the host program sees it.
func (c *conn) facts() *Session { return c.session.Load() }

func (c *conn) remoteAddr() netip.Addr { return c.facts().Remote.Addr() }

// update makes a new frozen Session.
func (c *conn) update(change func(*Session)) *Session {
	s := *c.facts()
	change(&s)
	c.session.Store(&s)
	return &s
}

// files is the storage for this session, nil if there is none.
func (c *conn) files() FileDriver {
	s := c.facts()
	if s.User.Files != nil {
		return s.User.Files
	}
	if h, ok := c.env.hosts[s.Host]; ok && h.Files != nil {
		return h.Files
	}
	if c.env.files == nil {
		return UnimplementedFileDriver{}
	}
	return c.env.files
}

// features is what the session's storage can do.
func (c *conn) features() Features { return c.files().Features(c.facts()) }

// loginState is what a client said of itself before it was let in.
type loginState struct {
	user     string
	named    bool // USER was said
	password string
	account  bool // ACCT is awaited
	tries    int

	unknown   int
	commands  int
	longLines int
	dequeued  bool // the command being run waited for a transfer
}

// reset forgets the login but not what counts against the connection.
func (l *loginState) reset() {
	l.user, l.named, l.password, l.account = "", false, "", false
}

// tlsState is what AUTH, PBSZ and PROT have set.
type tlsState struct {
	implicit bool // the listener's kind
	on       bool
	pbsz     bool
	private  bool   // PROT P
	began    bool   // private from the start: implicit TLS, AUTH SSL
	host     string // the virtual host that was negotiated for, if any
	control  *ftptls.Control
}

// begin is the protection right after the handshake.
func (t *tlsState) begin(private bool) {
	t.pbsz, t.private, t.began = false, private, private
}

// wakeReason says why a loop that waits for a line is to look up.
type wakeReason uint8

const (
	wakeDrain wakeReason = 1 << iota // Shutdown: leave at the next command boundary
	wakeStop                         // Close or Kick: leave now
	wakeWork                         // the queue can go on
)
