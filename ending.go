package paradise

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"time"
)

// timedOut finds out what was due; true ends the session.
func (c *conn) timedOut() bool {
	now := time.Now()
	t := &c.env.timeouts
	if d := c.data.Load(); d != nil && !now.Before(d.expires) {
		c.dropData()
	}
	c.mu.Lock()
	busy := c.xfer != nil
	idle := !busy && c.wakes == 0 && now.Sub(c.lastUse) >= c.idleTimeout()
	c.mu.Unlock()
	if !busy {
		c.endAwaited(now)
	}
	switch {
	case !c.facts().LoggedIn() && now.Sub(c.stranger) >= t.Login:
		c.refuse(refusedLoginTime, refusedLoginTime.text())
	case !c.lineStart.IsZero() && now.Sub(c.lineStart) >= t.Line:
		c.stopTransfer(ErrControlLost)
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
	c.env.counters.refuse(why)
	s := c.facts()
	c.env.log.Log(c.base, c.heardAt(slog.LevelWarn), "session refused",
		"session", s.ID, "remote", s.Remote.String(), "reason", why.String())
	c.send(say(421, text))
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
// orphans live, as long as they do more than answer; either way it is waited for.
func (c *conn) readEnded(err error) {
	c.mu.Lock()
	x := c.xfer
	quit := c.quitQueuedLocked()
	c.mu.Unlock()
	if x == nil {
		return
	}
	orphan := c.facts().Policy.AllowLostControl && !x.job.answers
	x.controlEnded(errors.Is(err, io.EOF) && quit || orphan)
	<-x.left
}

// close ends the session on every path: what it owns is closed, the limits get
// their places back, the hook is called.
func (c *conn) close() {
	c.depart()
	c.cancel(net.ErrClosed)
	c.closeSockets()
	c.awaitLingering()
	c.lines.Release()
	c.leave()
}

// closeSockets closes without waiting for anyone: a TLS peer gets its
// close_notify only if the socket takes it at once.
func (c *conn) closeSockets() {
	c.dropData()
	if c.nc != c.raw {
		c.closeTLS()
	}
	dismiss(c.raw)
}

// depart gives the places back that the limits count, before the client learns
// that its session ends: who comes again at once must find them free.
func (c *conn) depart() {
	c.vacate()
	c.mu.Lock()
	was := c.departed
	c.departed = true
	c.mu.Unlock()
	if !was {
		c.env.admission.leave(c.remoteAddr())
	}
}

// leave takes the session out of the server, once.
func (c *conn) leave() {
	c.mu.Lock()
	was := c.gone
	c.gone = true
	c.mu.Unlock()
	c.dropData() // once more for what a transfer has returned meanwhile
	c.dropLingering(nil)
	c.depart() // once more for a login that came back after the session was given up
	if was {
		return
	}
	s := c.facts()
	c.env.log.Log(c.base, c.heardAt(slog.LevelInfo), "session closed", "session", s.ID, "remote", s.Remote.String(),
		"user", s.User.Name, "duration", time.Since(c.started))
	c.observe(func() { c.env.hooks.disconnect(c.base, s) })
	c.env.awake.Add(-1)
	c.env.admission.giveFDs(1)
	c.env.sessions.remove(c)
}

// recover keeps a panic, most likely a driver's, inside its session.
func (c *conn) recover() {
	p := recover()
	if p == nil {
		return
	}
	c.notePanic("panic in a session", p)
	c.stopTransfer(ErrServerClosed)
	c.send(say(421, "Internal error, closing control connection"))
	c.close()
}

// stopTransfer aborts the transfer that runs, if any, and waits for its reply.
func (c *conn) stopTransfer(cause error) {
	c.mu.Lock()
	x := c.xfer
	c.mu.Unlock()
	if x != nil {
		x.abort(cause)
		<-x.left
	}
}

// late comes when a driver's call has taken too long outside a transfer: its
// context dies, and if that does not bring it back the session goes without it.
// The timer may have fired as its call returned, and another have begun.
func (c *conn) late() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.calling || time.Now().Before(c.due) {
		return
	}
	c.cause = ErrDriverBlocked
	c.cancel(ErrDriverBlocked)
	due := c.due
	time.AfterFunc(driverGrace, func() { c.giveUp(due) })
}

// giveUp lets a session go whose goroutine does not come back from the driver's
// call that was due then, or from any if due is zero.
func (c *conn) giveUp(due time.Time) {
	c.mu.Lock()
	stuck := c.calling && !c.abandoned && (due.IsZero() || due.Equal(c.due))
	c.abandoned = c.abandoned || stuck
	if stuck {
		c.env.stuck.leave(c, c.facts().ID, c.verb, c.arg)
	}
	c.mu.Unlock()
	if !stuck {
		return
	}
	c.env.log.Error("driver is stuck", "session", c.facts().ID, "verb", c.verbNow())
	c.depart()
	c.send(c.goodbye())
	c.leaveBehind()
}

// leaveBehind ends the session without its goroutine: what it owns is closed.
func (c *conn) leaveBehind() {
	c.dropData()
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
	c.giveUp(time.Time{})
	c.leaveBehind()
}

// leftBehind reports whether the session has ended without its goroutine.
func (c *conn) leftBehind() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.abandoned || c.gone
}

func (c *conn) verbNow() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.verb
}
