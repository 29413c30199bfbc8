package paradise

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paradiseftp/paradise/internal/line"
	"github.com/paradiseftp/paradise/internal/zstream"
)

// Session holds what is known of one control connection. It is frozen: login,
// HOST and REIN make a new one, so keep the ID, never the pointer.
type Session struct {
	ID     uint64               // unique among the living, over all servers and restarts; below 2^53
	Local  netip.AddrPort       // of the control connection
	Remote netip.AddrPort       // of the control connection
	Host   string               // from HOST or SNI; empty if none was named
	TLS    *tls.ConnectionState // nil: in the clear
	User   User                 // zero before login
	Policy Policy               // in force
}

// LoggedIn reports whether the client has logged in.
func (s *Session) LoggedIn() bool { return s.User.Name != "" }

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

// rest gives back what only a running session needs.
func (c *conn) rest() {
	*c.awake = awake{}
	awakes.Put(c.awake)
	c.awake = nil
	c.env.awake.Add(-1)
}

// rouse gives a session what it needs to run.
func (c *conn) rouse() {
	c.awake = awakes.Get().(*awake)
	c.lines.Reset((*lineSource)(c))
}

// params are what TYPE, MODE, REST and their kin set. REIN and AUTH reset them.
type params struct {
	cwd        string
	ascii      bool // TYPE A was said
	typed      bool // any TYPE was said
	deflate    bool // MODE Z
	level      int8 // of deflate
	epsvAll    bool
	facts      factSet
	hash       Digest
	charset    charsetState
	source     *source // of the rename or copy that has begun; nil: none
	offset     int64
	rangeEnd   int64 // of RANG; -1 without
	allocated  int64
	expect     map[Digest]string
	idle       time.Duration // SITE IDLE; 0: the server's
	lastUpload *digestRecord // nil: none that has digests
}

// source is what RNFR or SITE CPFR has named.
type source struct {
	name string
	dir  bool // it is a folder
	copy bool // of CPFR
}

// sourceOf is the name that awaits RNTO, or SITE CPTO.
func (p *params) sourceOf(copy bool) *source {
	if p.source == nil || p.source.copy != copy {
		return nil
	}
	return p.source
}

// ofTransfers is what outlives the login: the transfer parameters, and what was
// agreed of names and facts.
func (p *params) ofTransfers() params {
	kept := newParams("/")
	kept.ascii, kept.typed, kept.deflate, kept.level = p.ascii, p.typed, p.deflate, p.level
	kept.epsvAll, kept.facts, kept.hash, kept.charset = p.epsvAll, p.facts, p.hash, p.charset
	return kept
}

func newParams(home string) params {
	return params{cwd: home, facts: defaultFacts, hash: DigestSHA256, rangeEnd: -1, level: zstream.DefaultLevel}
}

func newConn(e *env, base context.Context, nc net.Conn, implicit bool) *conn {
	now := time.Now()
	c := &conn{env: e, base: base, raw: nc, nc: nc, started: now, lastUse: now, lastLine: now}
	c.ctx, c.cancel = context.WithCancelCause(base)
	c.tls.implicit = implicit
	c.params = newParams("/")
	c.session.Store(&Session{
		Local:  addrPort(nc.LocalAddr()),
		Remote: addrPort(nc.RemoteAddr()),
		Policy: e.policy,
	})
	c.rouse()
	c.stranger = now
	return c
}

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

// addrPort reads a network address without asking any name service.
func addrPort(a net.Addr) netip.AddrPort {
	ap, ok := a.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		parsed, err := netip.ParseAddrPort(a.String())
		if err != nil {
			return netip.AddrPort{}
		}
		return netip.AddrPortFrom(parsed.Addr().Unmap(), parsed.Port())
	}
	p := ap.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
