package paradise

import (
	"errors"
	"time"
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

// wakeUp is for the parker, which holds no lock of the session.
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

// goodbye is the 421 for a session that must go.
func (c *conn) goodbye() reply {
	c.mu.Lock()
	cause := c.cause
	c.mu.Unlock()
	said, own := errors.AsType[*ReplyError](cause)
	text := "Session ended by the operator"
	switch {
	case own:
		text = said.Text
	case errors.Is(cause, ErrDriverBlocked):
		text = "Service did not answer in time, closing control connection"
	case cause == nil, errors.Is(cause, ErrServerClosed):
		text = "Service not available, closing control connection"
	}
	return reply{code: 421, text: text, end: true}
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
