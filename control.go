package paradise

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/paradiseftp/paradise/internal/line"
	"github.com/paradiseftp/paradise/internal/sock"
)

// wakeReason says why a loop that waits for a line is to look up.
type wakeReason uint8

const (
	wakeDrain wakeReason = 1 << iota // Shutdown: leave at the next command boundary
	wakeStop                         // Close or Kick: leave now
	wakeWork                         // the queue can go on
)

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
		c.env.parker.unpark(c)
	case c.waiting:
		c.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

func (c *conn) wakeUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parked {
		c.env.parker.unpark(c)
	}
}

func (c *conn) berth() *berth { return &c.bed }

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
	c.raw.SetWriteDeadline(time.Now().Add(closeNotifyTime)) // a client that takes no replies is not waited for
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
	c.env.log.Debug("session opened", "session", s.ID, "remote", s.Remote.String())
	if c.tls.implicit {
		if !c.startTLS(c.ctx, true) {
			return false
		}
	}
	if err := c.env.hooks.connect(c.ctx, c.facts()); err != nil {
		r := replyFor(err, 421)
		c.env.log.Warn("session refused", "session", s.ID, "remote", s.Remote.String(), "reason", "hook", "error", err)
		c.send(reply{code: 421, text: r.text, err: err})
		return false
	}
	return c.send(textReply(220, c.banner())) == nil
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
			c.send(c.goodbye())
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
		c.awaitUnread(x)
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

// awaitUnread waits for a transfer while we read nothing. That the client has gone
// is then the kernel's to say.
func (c *conn) awaitUnread(x *xfer) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-x.left:
			return
		case <-look.C:
			if closed, _ := sock.PeerClosed(c.raw); closed {
				c.readEnded(io.EOF)
				return
			}
		}
	}
}

// deliver decides what becomes of a line just read: true to execute it now. A
// transfer whose final reply may be with the client already is waited for: what
// comes then was not said during it.
func (c *conn) deliver(text string) bool {
	c.mu.Lock()
	x := c.xfer
	c.mu.Unlock()
	if x != nil {
		urgent := c.execUrgent(text, x)
		x.heard(!urgent)
		if urgent {
			return false
		}
	}
	if x != nil && x.told.Load() {
		<-x.left
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.xfer == nil && len(c.queue) == 0 {
		c.login.dequeued = false
		return true
	}
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
	if c.lineStart.IsZero() && c.lines.Partial() {
		c.lineStart = now // time in which nobody waited for it does not count
	}
	busy := c.xfer != nil
	if c.wakes&wakeWork != 0 || !busy && c.wakes != 0 {
		c.wakes &^= wakeWork
		c.mu.Unlock()
		return nil, errWoken
	}
	deadline := c.deadlineLocked()
	canPark := c.canParkLocked() && deadline.After(now)
	woken := c.unparked
	c.unparked = false
	if canPark && !woken && now.Sub(c.lastUse) >= c.parkAfter() && c.parkLocked() {
		c.mu.Unlock()
		return nil, errParked
	}
	if canPark {
		deadline = earliest(deadline, now.Add(c.parkAfter()))
	}
	c.nc.SetReadDeadline(deadline)
	c.waiting = true
	c.mu.Unlock()

	text, err := c.lines.ReadLine()

	c.mu.Lock()
	c.waiting = false
	if err == nil || !c.lines.Partial() {
		c.lineStart = time.Time{}
	}
	c.mu.Unlock()
	return text, err
}

// deadlineLocked is the earliest moment at which something is due, zero if
// nothing is: while a transfer runs it has its own limits and the session does
// not idle.
func (c *conn) deadlineLocked() time.Time {
	t := &c.env.timeouts
	var deadline time.Time
	if c.xfer == nil {
		deadline = c.idleUntil()
		if d := c.data.Load(); d != nil {
			deadline = earliest(deadline, d.expires)
			if d.keptPassive() {
				deadline = earliest(deadline, c.silentUntil(d))
			}
		}
	}
	if !c.facts().LoggedIn() {
		deadline = earliest(deadline, c.stranger.Add(t.Login))
	}
	if !c.lineStart.IsZero() {
		deadline = earliest(deadline, c.lineStart.Add(t.Line))
	}
	return deadline
}

func (c *conn) idleUntil() time.Time { return c.lastUse.Add(c.idleTimeout()) }

func (c *conn) idleTimeout() time.Duration {
	if c.params.idle > 0 {
		return c.params.idle
	}
	return c.env.timeouts.Idle
}

// earliest takes a zero a for never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// send says a reply. It and the refusal of Telnet options write to the control
// connection, and nothing else does.
func (c *conn) send(r reply) error {
	if r.code == 0 {
		return nil
	}
	buf := replyBuffers.Get().(*[]byte)
	b := doubleIAC(c.encode(appendReply((*buf)[:0], r)))
	c.trace("reply", r.code, r.text, "")
	err := c.write(b, r.opens)
	if cap(b) <= replyBufferKept {
		*buf = b[:0]
		replyBuffers.Put(buf)
	}
	return err
}

func (c *conn) write(b []byte, opens *xfer) error {
	c.sending.take()
	defer c.sending.pass()
	if opens != nil {
		opens.opened.Store(true)
	}
	c.nc.SetWriteDeadline(time.Now().Add(c.env.timeouts.Reply))
	if c.ctx.Err() != nil { // after the line above: stop sets a short deadline too
		c.raw.SetWriteDeadline(time.Now().Add(closeNotifyTime))
	}
	_, err := c.nc.Write(b)
	if err != nil {
		c.raw.Close() // a client that takes no replies gets no more of them
	}
	return err
}

// turn lets one in at a time, for as long as a network may take. A mutex would
// do but for tests in virtual time, in which one that is held stops the clock.
type turn struct {
	mu    sync.Mutex
	taken bool
	next  chan struct{} // those who wait; nil: nobody
}

func (t *turn) take() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.taken {
		if t.next == nil {
			t.next = make(chan struct{})
		}
		next := t.next
		t.mu.Unlock()
		<-next
		t.mu.Lock()
	}
	t.taken = true
}

func (t *turn) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken = false
	if t.next != nil {
		close(t.next)
		t.next = nil
	}
}

// lineSource is what the line reader reads: the control connection, noticing
// when a line has begun, so that its end can be waited for in bounded time.
type lineSource conn

// Refuse answers a client that negotiates Telnet options.
func (s *lineSource) Refuse(answer []byte) { (*conn)(s).write(answer, nil) }

func (s *lineSource) Read(p []byte) (int, error) {
	c := (*conn)(s)
	n, err := c.nc.Read(p)
	if n > 0 && !c.spoke {
		c.mu.Lock()
		c.spoke = true
		c.mu.Unlock()
	}
	if n == 0 || p[n-1] == '\n' || !c.lineStart.IsZero() {
		return n, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lineStart = time.Now()
	if c.waiting && c.wakes == 0 {
		c.nc.SetReadDeadline(c.deadlineLocked())
	}
	return n, err
}

// pipelined reports whether commands wait behind the one being run.
func (c *conn) pipelined() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue) > 0
}
