package paradise

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/paradiseftp/paradise/internal/sock"
)

// Server is an FTP server. Set its fields before Serve and leave them alone
// afterwards. The zero value is safe: it refuses every login.
//
// All methods may be called from any goroutine.
type Server struct {
	// Addr is where ListenAndServe listens, "host:port". Empty: ":21".
	Addr string

	// Auth decides who may log in. Nil: nobody.
	Auth AuthDriver

	// Files is the storage of users without a FileDriver of their own. Nil:
	// file commands answer 502.
	Files FileDriver

	// Banner is the text of the greeting; it may have several lines. Empty:
	// "Welcome to Paradise".
	Banner string

	// TLSConfig offers explicit TLS (AUTH TLS, RFC 4217) and is needed by
	// ServeTLS. It is cloned; NextProtos becomes "ftp" if that is not in it.
	// Nil: AUTH is refused.
	TLSConfig *tls.Config

	// StrictSNI refuses TLS clients that name a host which neither Hosts nor a
	// certificate knows. Zero: they get the default certificate.
	StrictSNI bool

	// Policy holds for every user whose AuthDriver gave no other. Its zero is
	// the strictest.
	Policy Policy

	// Passive, Active, Timeouts and Limits: see there; zero fields have
	// sensible defaults.
	Passive  PassiveOptions
	Active   ActiveOptions
	Timeouts Timeouts
	Limits   Limits

	// Hosts are virtual hosts by name in lower case, chosen by HOST (RFC 7151)
	// or SNI. Empty: HOST answers 502.
	Hosts map[string]Host

	// SniffLen is how many bytes of an upload are looked at before the driver
	// sees any, 4096 at most. Zero: 512.
	SniffLen int

	// AcceptUpload may refuse an upload once its first bytes are known; the
	// error chooses the reply, 550 if it is none of this package's. It is asked
	// again at Commit if the file then begins otherwise, as APPE and REST may
	// have it. Nil: all that Policy.Gate lets in are taken.
	AcceptUpload func(ctx context.Context, s *Session, name string, u UploadInfo) error

	// Hooks observe and refuse: see there.
	Hooks Hooks

	// Commands are verbs of the host program, SiteCommands the same behind
	// SITE. They may not replace verbs of paradise's own.
	Commands     []Command
	SiteCommands []Command

	// Logger gets one event per session, login, transfer and refusal, at debug level
	// those of clients that never sent a word. One that blocks, as on a pipe that
	// nobody reads, holds up the session that logs and, since handlers of log/slog
	// have a lock, soon all of them: let it write to an events.Writer. Stats and Kick
	// never wait for it, Shutdown as long as its ctx lasts, Close seven seconds at
	// most. Nil: slog.Default().
	Logger *slog.Logger

	// BaseContext is the root of all contexts of a listener's sessions; Serve
	// refuses a nil one. Nil: context.Background().
	BaseContext func(net.Listener) context.Context

	// FirstIDs are those of the first session and passive channel: the NextIDs
	// of a server whose place this one takes, so that the IDs that people see
	// differ too. Zero: random ones.
	FirstIDs IDs

	network network // the seam for tests

	once  sync.Once
	state serverState
	env   env
}

// serverState is the life of a server. The order of locks is mu, then that of the set of
// sessions.
type serverState struct {
	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	draining  bool          // Shutdown, Drain or Close was called
	stop      chan struct{} // closed when draining begins; nil before Serve
	started   time.Time
	checkErr  error
}

// ListenAndServe listens on Addr and calls Serve.
func (srv *Server) ListenAndServe() error {
	addr := srv.Addr
	if addr == "" {
		addr = ":21"
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return fmt.Errorf("paradise: %w", err)
	}
	return srv.Serve(l)
}

// Serve accepts control connections on l until Shutdown, Drain or Close, and
// returns [ErrServerClosed] then; where the host program closes l itself, as
// before a Drain, an error that is ErrServerClosed too and names l. It closes l.
// Several listeners may be served at once.
// Fields that contradict each other are an error, before anything is accepted.
func (srv *Server) Serve(l net.Listener) error { return srv.serve(l, false) }

// ServeTLS is Serve with implicit TLS: the handshake comes before the greeting.
// It needs TLSConfig.
func (srv *Server) ServeTLS(l net.Listener) error { return srv.serve(l, true) }

func (srv *Server) serve(l net.Listener, implicit bool) error {
	defer l.Close()
	if err := srv.init(); err != nil {
		return err
	}
	if implicit && srv.TLSConfig == nil {
		return errors.New("paradise: ServeTLS needs a certificate: set Server.TLSConfig")
	}
	if !srv.track(l) {
		return ErrServerClosed
	}
	defer srv.untrack(l)
	base := context.Background()
	if srv.BaseContext != nil {
		base = srv.BaseContext(l)
	}
	if base == nil {
		return errors.New("paradise: BaseContext returned nil: return context.Background() at least")
	}
	return srv.acceptLoop(base, l, implicit)
}

// acceptLoop never gives up on an error that may pass: a server that stops
// accepting because it was short of descriptors is down for good.
func (srv *Server) acceptLoop(base context.Context, l net.Listener, implicit bool) error {
	var pause time.Duration
	for {
		nc, err := l.Accept()
		if err == nil {
			pause = 0
			srv.admit(base, nc, implicit)
			continue
		}
		if srv.isDraining() {
			return ErrServerClosed
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("%w: listener %v was closed: %w", ErrServerClosed, l.Addr(), err)
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		srv.env.log.Error("accept failed", "listener", l.Addr().String(), "error", err, "pause", pause)
		srv.env.counters.refused[refusedAccept].Add(1)
		select {
		case <-time.After(pause):
		case <-srv.state.stop:
		}
	}
}

func (srv *Server) track(l net.Listener) bool {
	st := &srv.state
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.draining {
		return false
	}
	if st.listeners == nil {
		st.listeners = make(map[net.Listener]struct{})
	}
	st.listeners[l] = struct{}{}
	srv.env.sessions.expect()
	return true
}

func (srv *Server) untrack(l net.Listener) {
	st := &srv.state
	st.mu.Lock()
	defer st.mu.Unlock()
	delete(st.listeners, l)
	srv.env.sessions.unexpect()
}

func (srv *Server) isDraining() bool {
	st := &srv.state
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.draining
}

// admit gives a new connection to a session of its own, or turns it away.
func (srv *Server) admit(base context.Context, nc net.Conn, implicit bool) {
	sock.InlineUrgent(nc)
	e := &srv.env
	c := newConn(e, base, nc, implicit)
	if why, ok := e.admission.enter(c.remoteAddr()); !ok {
		c.turnAway(why)
		return
	}
	if !e.sessions.add(c) {
		e.admission.leave(c.remoteAddr())
		e.admission.giveFDs(1)
		c.turnAway(refusedClosing)
		return
	}
	e.counters.sessions.Add(1)
	e.awake.Add(1)
	go c.serve()
}

// turnAway tells a connection that was not admitted why, without waiting.
func (c *conn) turnAway(why refusal) {
	c.env.counters.refuse(why)
	c.env.log.Warn("connection refused", "remote", c.facts().Remote.String(), "reason", why.String())
	c.raw.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	if !c.tls.implicit {
		c.raw.Write([]byte("421 " + why.text() + "\r\n"))
	}
	c.raw.Close()
	c.cancel(nil)
}

// stopAccepting closes the listeners and returns a channel that is closed when
// the last session has gone.
func (srv *Server) stopAccepting(closing bool) <-chan struct{} {
	st := &srv.state
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.stop != nil && !st.draining {
		close(st.stop)
	}
	st.draining = true
	for l := range st.listeners {
		l.Close()
	}
	if closing {
		srv.env.sessions.close()
	}
	return srv.env.sessions.whenEmpty()
}

// Shutdown stops accepting, answers 421 to idle sessions, lets transfers end
// (then 421), and waits for all of them or for ctx. If ctx ends first its error
// is returned and the remaining sessions go on: call Close to end them. Sessions
// that are blocked in a driver are not waited for; the error, an
// [ErrDriverBlocked], names their calls.
func (srv *Server) Shutdown(ctx context.Context) error { return srv.Drain(ctx, 0) }

// Drain is Shutdown that leaves all sessions alone for the time of grace, for a
// server whose successor has taken over its listeners: who was about to log in
// does, and a client that works on is not cut off between two commands that
// belong together. Then idle sessions get their 421. It returns as soon as all
// have gone; Shutdown ends the grace.
func (srv *Server) Drain(ctx context.Context, grace time.Duration) error {
	gone := srv.stopAccepting(false)
	if grace > 0 {
		over := time.NewTimer(grace)
		defer over.Stop()
		select {
		case <-gone:
		case <-over.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	srv.dismiss()
	select {
	case <-gone:
		srv.closeParker()
		return srv.env.stuck.err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// dismiss lets nobody in any more and tells all sessions to leave at their next
// command boundary.
func (srv *Server) dismiss() {
	srv.env.sessions.close()
	for _, c := range srv.env.sessions.all() {
		c.wake(wakeDrain)
	}
}

// Close stops accepting and ends every session at once; transfers are aborted.
// Drivers have five seconds to obey their contexts; calls that are still blocked
// are left behind, and the error, an [ErrDriverBlocked], names them. Hooks and Logger
// have two seconds more; the error then tells how many sessions they hold up.
func (srv *Server) Close() error {
	gone := srv.stopAccepting(true)
	for _, c := range srv.env.sessions.all() {
		c.stop(ErrServerClosed)
	}
	select {
	case <-gone:
	case <-time.After(closeGrace):
	}
	err := srv.abandonAll()
	srv.closeParker()
	return errors.Join(srv.env.stuck.err(), err)
}

// abandonAll ends the sessions that Close has waited for in vain. A Logger or a hook
// that does not return keeps its session, and nobody else.
func (srv *Server) abandonAll() error {
	var leaving sync.WaitGroup
	for _, c := range srv.env.sessions.all() {
		leaving.Go(c.abandon)
	}
	gone := make(chan struct{})
	go func() {
		leaving.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(driverGrace):
	}
	if n := len(srv.env.sessions.all()); n > 0 {
		return fmt.Errorf("paradise: sessions are held up by Logger or a hook that does not return: %d", n)
	}
	return nil
}

// closeParker may run beside the first Serve, which makes the parker.
func (srv *Server) closeParker() {
	srv.state.mu.Lock()
	p := srv.env.parker
	srv.state.mu.Unlock()
	p.close()
}

// Kick ends the session with this ID: 421, transfers are aborted with reason
// ([ErrKicked] if nil), but for an upload whose Commit has begun. It does not wait
// for the end. [ErrNoSession] if there is none.
func (srv *Server) Kick(id uint64, reason error) error {
	c, ok := srv.env.sessions.find(id)
	if !ok {
		return ErrNoSession
	}
	if reason == nil {
		reason = ErrKicked
	}
	c.stop(reason)
	return nil
}

// NextIDs returns where the IDs of a server may begin that takes this one's place
// while this one still has sessions: its [Server].FirstIDs. This server stays
// below them for its next 65,536 sessions and million passive channels. Before
// Serve they are FirstIDs, or zero.
func (srv *Server) NextIDs() IDs {
	session := srv.env.sessions.next()
	if session == 0 {
		return srv.FirstIDs
	}
	return IDs{Session: session + sessionsReserved, Channel: srv.env.counters.nextChannel.Load() + channelsReserved}
}
