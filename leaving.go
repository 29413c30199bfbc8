package paradise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/paradiseftp/paradise/internal/sock"
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
	c.env.log.Log(c.base, c.heardAt(slog.LevelWarn), "session refused", "session", s.ID, "remote", s.Remote.String(), "reason", why.String())
	c.send(say(421, text))
}

// heardAt is the level at which the log tells of a client: that of debugging for
// one that has not said a word, as health checks of load balancers, which come every
// second.
func (c *conn) heardAt(level slog.Level) slog.Level {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.spoke {
		return slog.LevelDebug
	}
	return level
}

// lookEvery is how often the kernel is asked whether a client is still there that is
// being worked for while nobody reads its connection.
const lookEvery = 100 * time.Millisecond

var errClientGone = errors.New("paradise: client has gone")

// peerGone reports whether the kernel knows that nobody is there any more. A client
// that has only closed its side may be a script: it gets its replies as long as
// something is left that it has said.
func (c *conn) peerGone() bool {
	closed, known := sock.PeerClosed(c.raw)
	if !known || !closed {
		return false
	}
	return sock.PeerReset(c.raw) || c.lines.Buffered() == 0 && (c.nc != c.raw || sock.Unread(c.raw) == 0)
}

// whilePeer is the session's context for a call in which the client may go away: it
// ends then, with errClientGone. stop must be called by the loop.
func (c *conn) whilePeer() (ctx context.Context, stop func()) {
	if _, kernel := c.raw.(syscall.Conn); !kernel {
		return c.ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(c.ctx)
	var mu sync.Mutex // peerGone looks at what the loop owns
	mu.Lock()
	defer mu.Unlock()
	stopped := false
	var look *time.Timer
	look = time.AfterFunc(lookEvery, func() {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case stopped:
		case c.peerGone():
			cancel(errClientGone)
		default:
			look.Reset(lookEvery)
		}
	})
	return ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		stopped = true
		look.Stop()
		cancel(nil)
	}
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

// vacate gives the user's place back.
func (c *conn) vacate() {
	c.mu.Lock()
	user := c.counted
	c.counted = ""
	c.mu.Unlock()
	c.env.admission.userLeft(user)
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
	c.env.counters.panics.Add(1)
	c.env.log.Error("panic in a session", "session", c.facts().ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
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
