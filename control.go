package paradise

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/paradiseftp/paradise/internal/line"
	"github.com/paradiseftp/paradise/internal/sock"
)

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

// rouse gives a session what it needs to run.
func (c *conn) rouse() {
	c.awake = awakes.Get().(*awake)
	c.lines.Reset((*lineSource)(c))
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
