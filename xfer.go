package paradise

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// job is work that runs beside the control connection: transfers, and commands
// that read whole files. run gives the final reply.
type job struct {
	verb string
	name string    // virtual path, for people
	arg  string    // as the client gave it, for hooks
	way  direction // for counters
	run  func(x *xfer) reply

	// answers: it changes nothing, and without a client nobody needs it.
	answers bool

	// speaks: it sends the first lines of its reply while it runs, so nothing else
	// is answered meanwhile.
	speaks bool
}

// direction is which way a job's bytes go.
type direction uint8

const (
	dirNone direction = iota
	dirUpload
	dirDownload
	dirListing
)

// xfer is a running job: what the control connection and the data path know of
// each other. Everything a transfer works on was copied when it began; nothing
// the client says later can change it.
type xfer struct {
	c       *conn
	job     *job
	ctx     context.Context // dies on abort; not with the session once Commit has begun
	cancel  context.CancelCauseFunc
	data    *dataChan // nil for jobs without one, and once it was returned
	started time.Time
	moved   atomic.Int64
	size    atomic.Int64 // -1 if unknown
	dog     watchdog
	left    chan struct{} // closed when the session has it back
	opened  atomic.Bool   // its 150 is on its way, or it has none
	told    atomic.Bool   // the final reply is on its way: what comes now is not said during it
	result  transferResult

	mu         sync.Mutex
	cause      error // why it was aborted; the first wins
	committing bool  // the end has won: nothing aborts it any more
	abandoned  bool  // a driver did not come back; the session went without it
	parting    reply // and said this
	said       int   // code of the reply whose first lines have been sent
	over       bool
	opening    bool // waits for the data connection, or for its handshake
	ended      bool
	lost       bool          // the control connection ended without leave
	verdict    chan struct{} // closed with ended
	spoke      chan struct{} // closed when the client says something at the end of its data; nil: nobody waits for that
	saidAt     int64         // how much of the data had come at the last command behind this one
}

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

// panicked logs a panic of a driver or hook and answers 451.
func (c *conn) panicked(p any) reply {
	c.env.counters.panics.Add(1)
	c.env.log.Error("panic in a driver or hook", "session", c.facts().ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	return reply{code: 451, text: "Requested action aborted: local error in processing", err: fmt.Errorf("panic: %v", p)}
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

// isOver reports whether the outcome stands: its reply may be with the client
// already while the session does not have the transfer back yet.
func (x *xfer) isOver() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.over
}

// abort ends the job for a reason: its context dies and its sockets close. It
// does nothing once Commit has begun.
func (x *xfer) abort(cause error) {
	x.mu.Lock()
	if x.committing || x.cause != nil {
		x.mu.Unlock()
		return
	}
	x.cause = cause
	data := x.data
	x.mu.Unlock()
	x.cancel(cause)
	data.stop()
}

// reason prefers the cause of an abort to the error it led to.
func (x *xfer) reason(err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cause != nil {
		return x.cause
	}
	return err
}

// commitNow marks the point after which nothing aborts the transfer; an abort
// that came before wins.
func (x *xfer) commitNow() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cause != nil {
		return x.cause
	}
	x.committing = true
	return nil
}

// controlEnded tells the transfer that the client's control connection is gone.
func (x *xfer) controlEnded(fine bool) {
	x.mu.Lock()
	if !x.ended {
		x.ended, x.lost = true, !fine
		close(x.verdict)
		x.hurryLocked()
	}
	x.mu.Unlock()
	if !fine {
		x.abort(ErrControlLost)
	}
}

// setOpening marks the begin and the end of the wait for the data connection.
func (x *xfer) setOpening(opening bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.opening = opening
	x.hurryLocked()
}

// hurryLocked bounds that wait once the client has ended its control connection: what
// it has opened before it finds its way here at once, and nobody is there to open
// more, whether QUIT was said or orphans may live.
func (x *xfer) hurryLocked() {
	if x.opening && x.ended {
		time.AfterFunc(openSoon, x.giveUpOpening)
	}
}

func (x *xfer) giveUpOpening() {
	x.mu.Lock()
	opening := x.opening
	x.mu.Unlock()
	if opening {
		x.abort(ErrControlLost)
	}
}

// openSoon is what a network may need to bring a connection that was opened before
// the control connection's end, and to shake hands on it.
const openSoon = 500 * time.Millisecond

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
