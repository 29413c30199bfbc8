package paradise

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/paradiseftp/paradise/internal/line"
)

// wakeReason says why a loop that waits for a line is to look up.
type wakeReason uint8

const (
	wakeDrain wakeReason = 1 << iota // Shutdown: leave at the next command boundary
	wakeStop                         // Close or Kick: leave now
	wakeWork                         // the queue can go on
)

// queueLimit bounds the commands read ahead during a transfer; past it we stop
// reading, and TCP makes the client wait.
const queueLimit = 16

// parkAfter is how long a session idles before it gives its goroutine back.
const parkAfter = 2 * time.Second

// wake is the one way to interrupt a session. Only a loop that waits for a line
// is touched: a deadline in the past ends its read, never a TLS handshake.
func (c *conn) wake(r wakeReason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakes |= r
	c.wakeLocked()
}

func (c *conn) wakeLocked() {
	switch {
	case c.parked:
		c.srv.state.parker.unpark(c)
	case c.waiting:
		c.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// stop ends the session from outside: transfers are aborted, 421 is said.
func (c *conn) stop(cause error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	x := c.xfer
	c.wakes |= wakeStop
	c.wakeLocked()
	c.mu.Unlock()
	if x != nil {
		x.abort(cause)
	}
	c.cancel(cause)
}

// serve runs a session from its first byte.
func (c *conn) serve() {
	defer c.recover()
	if !c.open() {
		c.close()
		return
	}
	c.loop()
}

// open does what comes before the first command: implicit TLS, the hook, the
// greeting.
func (c *conn) open() bool {
	s := c.facts()
	c.srv.state.log.Info("session opened", "session", s.ID, "remote", s.Remote.String())
	if c.tls.implicit {
		if !c.startTLS(c.ctx) {
			return false
		}
		c.tls.private = true
	}
	if err := c.srv.Hooks.connect(c.ctx, c.facts()); err != nil {
		r := replyFor(err, 421)
		c.send(reply{code: 421, text: r.text, err: err})
		return false
	}
	return c.send(textReply(220, c.banner())) == nil
}

func (c *conn) banner() string {
	if h := c.srv.Hosts[c.facts().Host]; h.Banner != "" {
		return h.Banner
	}
	if c.srv.Banner != "" {
		return c.srv.Banner
	}
	return "Welcome to Paradise"
}

// loop executes lines until the session ends or is parked. It may be entered
// again after parking: all state is in c.
func (c *conn) loop() {
	defer c.recover()
	for {
		text, next := c.next()
		switch next {
		case nextParked:
			return
		case nextEnd:
			c.close()
			return
		}
		if c.exec(text) {
			c.close()
			return
		}
	}
}

type nextStep int

const (
	nextLine nextStep = iota
	nextParked
	nextEnd
)

// next returns the next line to execute. During a transfer it answers what must
// be answered at once and queues the rest, in order.
func (c *conn) next() (string, nextStep) {
	for {
		text, ready, end := c.pending()
		switch {
		case end:
			c.sayGoodbye()
			return "", nextEnd
		case ready:
			return text, nextLine
		}
		raw, err := c.readLine()
		switch {
		case err == nil:
			if len(raw) > 0 && c.deliver(string(raw)) {
				return string(raw), nextLine
			}
		case errors.Is(err, line.ErrTooLong):
			if c.deliver(overlong) {
				return overlong, nextLine
			}
		case errors.Is(err, errParked):
			return "", nextParked
		case errors.Is(err, os.ErrDeadlineExceeded):
			if c.timedOut() {
				return "", nextEnd
			}
		default:
			c.readEnded(err)
			if text, ok := c.lastWords(); ok {
				return text, nextLine
			}
			return "", nextEnd
		}
	}
}

// pending looks at the reasons to wake and at the queue. It waits for the
// transfer when the queue is full.
func (c *conn) pending() (text string, ready, end bool) {
	c.mu.Lock()
	for c.xfer != nil && len(c.queue) >= queueLimit {
		x := c.xfer
		c.mu.Unlock()
		<-x.left
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	if c.wakes&wakeStop != 0 && c.xfer == nil {
		return "", false, true
	}
	if c.xfer != nil {
		return "", false, false
	}
	if len(c.queue) > 0 {
		c.login.dequeued = true
		return c.dequeueLocked(), true, false
	}
	c.login.dequeued = false
	return "", false, c.wakes&wakeDrain != 0
}

// deliver decides what becomes of a line just read: true to execute it now.
func (c *conn) deliver(text string) bool {
	c.mu.Lock()
	x := c.xfer
	if x == nil && len(c.queue) == 0 {
		c.mu.Unlock()
		return true
	}
	c.mu.Unlock()
	if x != nil && c.execUrgent(text, x) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, text)
	return false
}

var (
	errParked = errors.New("paradise: parked")
	errWoken  = os.ErrDeadlineExceeded
)

// readLine waits for a line under the deadline that holds now. The deadline is
// armed under the lock that wake takes, so no wake-up is lost.
func (c *conn) readLine() ([]byte, error) {
	if c.lines.HasLine() {
		return c.lines.ReadLine()
	}
	now := time.Now()
	c.mu.Lock()
	busy := c.xfer != nil
	if c.wakes&wakeWork != 0 || !busy && c.wakes != 0 {
		c.wakes &^= wakeWork
		c.mu.Unlock()
		return nil, errWoken
	}
	deadline := c.deadlineLocked(now)
	canPark := c.canParkLocked()
	if canPark && now.Sub(c.lastUse) >= parkAfter && c.parkLocked(deadline) {
		c.mu.Unlock()
		return nil, errParked
	}
	if canPark {
		deadline = earliest(deadline, now.Add(parkAfter))
	}
	c.nc.SetReadDeadline(deadline)
	c.waiting = true
	c.mu.Unlock()

	text, err := c.lines.ReadLine()

	c.mu.Lock()
	c.waiting = false
	if !c.lines.Partial() {
		c.lineStart = time.Time{}
	}
	c.mu.Unlock()
	return text, err
}

// deadlineLocked is the earliest moment at which something is due. While a
// transfer runs it has its own limits and the session does not idle.
func (c *conn) deadlineLocked(now time.Time) time.Time {
	t := &c.srv.state.timeouts
	deadline := now.Add(forever)
	if c.xfer == nil {
		deadline = c.lastUse.Add(c.idleTimeout())
		if c.data != nil {
			deadline = earliest(deadline, c.data.expires)
		}
	}
	if !c.facts().LoggedIn() {
		deadline = earliest(deadline, c.started.Add(t.Login))
	}
	if !c.lineStart.IsZero() {
		deadline = earliest(deadline, c.lineStart.Add(t.Line))
	}
	return deadline
}

func (c *conn) idleTimeout() time.Duration {
	if c.params.idle > 0 {
		return c.params.idle
	}
	return c.srv.state.timeouts.Idle
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// timedOut finds out what was due; true ends the session.
func (c *conn) timedOut() bool {
	now := time.Now()
	t := &c.srv.state.timeouts
	if c.data != nil && !now.Before(c.data.expires) {
		c.dropData()
	}
	c.mu.Lock()
	idle := c.xfer == nil && c.wakes == 0 && now.Sub(c.lastUse) >= c.idleTimeout()
	c.mu.Unlock()
	switch {
	case !c.facts().LoggedIn() && now.Sub(c.started) >= t.Login:
		c.refuse(refusedLoginTime, "Login took too long, closing control connection")
	case !c.lineStart.IsZero() && now.Sub(c.lineStart) >= t.Line:
		c.refuse(refusedSlowLine, "Command took too long, closing control connection")
	case idle:
		c.refuse(refusedIdle, "Idle timeout, closing control connection")
	default:
		return false
	}
	return true
}

// refuse counts, logs and says 421.
func (c *conn) refuse(why refusal, text string) {
	c.srv.state.counters.refuse(why)
	s := c.facts()
	c.srv.state.log.Warn("session refused", "session", s.ID, "remote", s.Remote.String(), "reason", why.String())
	c.send(say(421, text))
}

// sayGoodbye answers 421 to a session that must go.
func (c *conn) sayGoodbye() {
	c.mu.Lock()
	cause := c.cause
	c.mu.Unlock()
	switch {
	case errors.Is(cause, ErrKicked):
		c.send(say(421, "Session ended by the operator"))
	case cause != nil && !errors.Is(cause, ErrServerClosed):
		c.send(reply{code: 421, text: replyFor(cause, 421).text})
	default:
		c.send(say(421, "Service not available, closing control connection"))
	}
}

// overlong stands in the queue for a line over 4 KiB, so that its reply comes in
// turn; no line holds its text.
const overlong = "\n"

// tooLong refuses a line over 4 KiB; the rest of it was skipped.
func (c *conn) tooLong() {
	c.login.longLines++
	c.send(say(500, "Line too long"))
	if c.login.longLines > 2 && !c.facts().LoggedIn() {
		c.stop(errTooManyLong)
	}
}

var errTooManyLong = &ReplyError{Code: 421, Text: "Too many long lines, closing control connection"}

// readEnded deals with the end of the control connection. A transfer that runs
// is aborted unless QUIT was said before (RFC 959, 4.1.1) or the policy lets
// orphans live; either way it is waited for.
func (c *conn) readEnded(err error) {
	c.mu.Lock()
	x := c.xfer
	quit := c.quitQueuedLocked()
	c.mu.Unlock()
	if x == nil {
		return
	}
	x.controlEnded(errors.Is(err, io.EOF) && quit || c.facts().Policy.AllowLostControl)
	<-x.left
}

func (c *conn) quitQueuedLocked() bool {
	for _, text := range c.queue {
		if verb, _ := splitCommand(text); verb == "QUIT" {
			return true
		}
	}
	return false
}

// lastWords goes on with the queue after the client has said its last.
func (c *conn) lastWords() (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.xfer != nil || len(c.queue) == 0 || c.wakes&wakeStop != 0 {
		return "", false
	}
	return c.dequeueLocked(), true
}

func (c *conn) dequeueLocked() string {
	text := c.queue[0]
	c.queue = c.queue[1:]
	return text
}

// send is the one place that writes to the control connection.
func (c *conn) send(r reply) error {
	if r.code == 0 {
		return nil
	}
	buf := replyBuffers.Get().(*[]byte)
	defer replyBuffers.Put(buf)
	b := doubleIAC(c.encode(appendReply((*buf)[:0], r)))
	*buf = b[:0]
	c.trace("reply", r.code, r.text)

	c.sending.Lock()
	defer c.sending.Unlock()
	c.nc.SetWriteDeadline(time.Now().Add(c.srv.state.timeouts.Reply))
	_, err := c.nc.Write(b)
	if err != nil {
		c.raw.Close() // a client that takes no replies gets no more of them
	}
	return err
}

// close ends the session on every path: what it owns is closed, the limits get
// their places back, the hook is called.
func (c *conn) close() {
	c.cancel(net.ErrClosed)
	c.closeSockets()
	c.lines.Release()
	c.leave()
}

// closeSockets closes without waiting for anyone: a TLS peer gets its
// close_notify only if the socket takes it at once.
func (c *conn) closeSockets() {
	c.dropData()
	if c.nc != c.raw {
		c.nc.SetDeadline(time.Now().Add(closeNotifyTime))
		c.nc.Close()
	}
	c.raw.Close()
}

// leave takes the session out of the server, once.
func (c *conn) leave() {
	c.mu.Lock()
	was := c.gone
	c.gone = true
	user := c.counted
	c.counted = ""
	c.mu.Unlock()
	if was {
		return
	}
	c.srv.state.limits.userLeft(user)
	s := c.facts()
	c.srv.state.log.Info("session closed", "session", s.ID, "remote", s.Remote.String(),
		"user", s.User.Name, "duration", time.Since(c.started))
	c.srv.Hooks.disconnect(c.base, s)
	c.srv.remove(c)
}

// recover keeps a panic, most likely a driver's, inside its session.
func (c *conn) recover() {
	p := recover()
	if p == nil {
		return
	}
	c.srv.state.counters.panics.Add(1)
	c.srv.state.log.Error("panic in a session", "session", c.facts().ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	c.mu.Lock()
	x := c.xfer
	c.mu.Unlock()
	if x != nil {
		x.abort(ErrServerClosed)
		<-x.left
	}
	c.send(say(421, "Internal error, closing control connection"))
	c.close()
}

// lineSource is what the line reader reads: the control connection, noticing
// when a line has begun, so that its end can be waited for in bounded time.
type lineSource conn

func (s *lineSource) Read(p []byte) (int, error) {
	c := (*conn)(s)
	n, err := c.nc.Read(p)
	if n == 0 || p[n-1] == '\n' || !c.lineStart.IsZero() {
		return n, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.lineStart = now
	if c.waiting && c.wakes == 0 {
		c.nc.SetReadDeadline(c.deadlineLocked(now))
	}
	return n, err
}

// pipelined reports whether commands wait behind the one being run.
func (c *conn) pipelined() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue) > 0
}

// late comes when a driver's call has taken too long outside a transfer: its
// context dies, and if that does not bring it back the session goes without it.
func (c *conn) late() {
	c.mu.Lock()
	c.cause = ErrDriverBlocked
	c.mu.Unlock()
	c.cancel(ErrDriverBlocked)
	time.AfterFunc(driverGrace, func() { c.giveUp() })
}

// giveUp lets a session go whose goroutine does not come back from a driver.
func (c *conn) giveUp() {
	c.mu.Lock()
	stuck := c.calling && !c.abandoned
	c.abandoned = c.abandoned || stuck
	c.mu.Unlock()
	if !stuck {
		return
	}
	c.srv.state.counters.stuck.Add(1)
	c.srv.state.log.Error("driver is stuck", "session", c.facts().ID, "verb", c.verbNow())
	c.raw.Close()
	c.leave()
}

// abandon ends a session that Close has waited for in vain.
func (c *conn) abandon() {
	c.mu.Lock()
	x := c.xfer
	c.mu.Unlock()
	if x != nil {
		x.abandon()
	}
	c.giveUp()
	c.raw.Close()
	c.leave()
}

func (c *conn) verbNow() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.verb
}

// called marks the begin and the end of a call that a driver may not return
// from.
func (c *conn) called(begin bool) {
	if begin {
		c.dog.arm(c.srv.state.timeouts.Driver, c.late)
	} else {
		c.dog.disarm()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calling = begin
	if !begin && c.abandoned {
		c.abandoned = false
		c.srv.state.counters.stuck.Add(-1)
	}
}
