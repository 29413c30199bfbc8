package paradise

import (
	"cmp"
	"context"
	"time"
)

// start hands the data channel to a job and runs it. It does not where Close has
// taken the channel meanwhile.
func (c *conn) start(cmd *command, j *job) bool {
	x := &xfer{c: c, job: j, started: time.Now(), left: make(chan struct{}), verdict: make(chan struct{})}
	x.size.Store(-1)
	x.opened.Store(j.way == dirNone && !j.speaks)
	x.ctx, x.cancel = context.WithCancelCause(c.base)
	if j.way != dirNone {
		if x.data = c.data.Swap(nil); x.data == nil {
			return false
		}
		c.channelUsed(x.data, j)
	}
	c.mu.Lock()
	c.xfer = x
	stopped := c.cause
	c.mu.Unlock()
	if stopped != nil {
		x.abort(stopped)
	}
	c.env.counters.running[j.way].Add(1)
	go x.run(cmd)
	return true
}

// run is the transfer's goroutine, from the driver's first call to the reply.
func (x *xfer) run(cmd *command) {
	r := x.protect()
	if x.result.refused == nil && !x.data.unused() {
		x.data.Close()
	}
	x.cancel(nil)
	x.c.endTransfer(cmd, x, r)
}

// protect runs the job; a panic becomes 451.
func (x *xfer) protect() (r reply) {
	defer func() {
		if p := recover(); p != nil {
			r = x.c.panicked(p)
		}
	}()
	x.guard()
	defer x.dog.disarm()
	return x.job.run(x)
}

// endTransfer gives the one final reply and the session back to its loop.
func (c *conn) endTransfer(cmd *command, x *xfer, r reply) {
	x.mu.Lock()
	x.over = true
	r = x.endingLocked(r)
	abandoned := x.abandoned
	if abandoned {
		r = x.parting
	}
	x.mu.Unlock()
	c.env.counters.running[x.job.way].Add(-1)
	c.finishTransferEvent(x, r)
	if abandoned {
		x.data.Close()
		c.env.stuck.returned(x)
		c.observe(func() { c.env.hooks.after(c.ctx, c.facts(), cmd.name, x.job.arg, r.code) })
		return
	}
	c.returnData(x)
	x.told.Store(true)
	c.reply(cmd, cmd.name, x.job.arg, r)
	refused := x.result.refused
	beside := refused != nil && !c.quits() && c.keepLingering(x.data)
	if !beside {
		if refused != nil {
			refused.linger()
		}
		x.data.Close()
	}

	c.mu.Lock()
	c.xfer = nil
	c.lastUse = time.Now()
	if len(c.queue) > 0 || c.wakes != 0 {
		c.wakes |= wakeWork
		c.wakeLocked()
	} else if c.waiting {
		c.nc.SetReadDeadline(c.deadlineLocked())
	}
	c.mu.Unlock()
	close(x.left)

	if beside { // the session, which goes on
		c.linger(x.data, refused.linger)
	}
}

// preliminary sends the 150 of this transfer. From its turn on, what need not wait
// for the transfer can be answered behind it.
func (x *xfer) preliminary(r reply) {
	r.opens = x
	x.c.send(r)
}

// tell sends the first lines of a reply, or more of them; run returns the end.
func (x *xfer) tell(r reply) error {
	x.dog.disarm() // waiting for the client is no driver's fault
	x.mu.Lock()
	x.said = r.code
	x.mu.Unlock()
	r.open = true
	return x.c.send(r)
}

// endingLocked is r as the end of the reply that tell has begun, if it has: that
// one has to end with the code it began with (RFC 959, 4.2).
func (x *xfer) endingLocked(r reply) reply {
	if x.said == 0 || r.begun {
		return r
	}
	return reply{code: x.said, text: "Incomplete: " + r.text, err: r.err, begun: true}
}

// guard bounds a driver's call: at its limit the transfer is aborted, and if
// the driver does not come back then, the session goes without it.
func (x *xfer) guard() { x.dog.arm(x.c.env.timeouts.Driver, x) }

// unguard ends the bound. A job without a data connection is in the driver's
// hands all the time, so there a new one begins.
func (x *xfer) unguard() {
	if x.job.way == dirNone {
		x.guard()
		return
	}
	x.dog.disarm()
}

// stepping is x's ctx for a driver that calls Step.
func (x *xfer) stepping() context.Context {
	return context.WithValue(x.ctx, stepKey{}, func() error {
		x.guard()
		return nil
	})
}

func (x *xfer) late() {
	x.mu.Lock()
	x.committing = false
	x.mu.Unlock()
	x.abort(ErrDriverBlocked)
	time.AfterFunc(driverGrace, func() { x.abandon() })
}

// abandon lets the session go on without a driver call that does not return.
func (x *xfer) abandon() {
	x.mu.Lock()
	if x.over || x.abandoned {
		x.mu.Unlock()
		return
	}
	x.abandoned = true
	x.parting = x.endingLocked(replyFor(cmp.Or(x.cause, ErrDriverBlocked), 426))
	c := x.c
	c.env.stuck.leave(x, c.facts().ID, x.job.verb, x.job.name)
	x.mu.Unlock()
	c.env.log.Error("driver is stuck", "session", c.facts().ID, "verb", x.job.verb, "name", x.job.name)
	x.data.Close()
	c.send(x.parting)
	c.mu.Lock()
	c.xfer = nil
	c.cause = ErrDriverBlocked
	c.wakes |= wakeStop
	c.wakeLocked()
	c.mu.Unlock()
	close(x.left)
}
