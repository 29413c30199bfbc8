// Package events takes what a server tells its hooks off the data path.
//
// A [Dispatcher] calls hooks later, on a goroutine of its own, in the order in
// which things happened. What it cannot keep up with it drops, counts and reports:
// it is for logs, counters and displays. A [Writer] does the same for the lines of a
// log. For what must not be lost there is package journal.
package events

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paradiseftp/paradise"
)

// DefaultInterval is how often drops are logged at most.
const DefaultInterval = time.Minute

// Dispatcher is a bounded queue of events and the goroutine that hands them on.
// New makes one. Set the fields before you use its hooks.
type Dispatcher struct {
	// Logger is told of drops and of hooks that panic. Nil: nobody is.
	Logger *slog.Logger

	// Interval is the least time between two log lines about drops. Zero:
	// DefaultInterval.
	Interval time.Duration

	hooks   paradise.Hooks
	done    chan struct{} // closed when the goroutine has ended
	dropped atomic.Uint64
	abandon atomic.Bool // Close does not wait any more

	mu       sync.Mutex
	queue    chan func() // closed by Close
	closed   bool
	reported uint64 // of dropped
	timer    *time.Timer
}

// New starts a Dispatcher that calls h and lets n events wait, at least one.
func New(n int, h paradise.Hooks) *Dispatcher {
	d := &Dispatcher{hooks: h, queue: make(chan func(), max(n, 1)), done: make(chan struct{})}
	go d.run()
	return d
}

// Hooks returns what is to be set as [paradise.Server.Hooks]. Connect and Before
// are those given to New, because their answer is waited for; the others return at
// once. Hooks that were nil stay nil. The context that a hook gets has the values of
// the session's, but not its end.
func (d *Dispatcher) Hooks() paradise.Hooks {
	h := &d.hooks
	out := paradise.Hooks{
		Connect:       h.Connect,
		Before:        h.Before,
		Login:         later(d, h.Login),
		TransferStart: later(d, h.TransferStart),
		TransferEnd:   later(d, h.TransferEnd),
		Change:        later(d, h.Change),
		Disconnect:    later(d, h.Disconnect),
	}
	if h.After != nil {
		out.After = func(ctx context.Context, s *paradise.Session, verb, arg string, code int) {
			ctx = context.WithoutCancel(ctx)
			d.put(func() { h.After(ctx, s, verb, arg, code) })
		}
	}
	return out
}

func later[E any](d *Dispatcher, hook func(context.Context, E)) func(context.Context, E) {
	if hook == nil {
		return nil
	}
	return func(ctx context.Context, e E) {
		ctx = context.WithoutCancel(ctx)
		d.put(func() { hook(ctx, e) })
	}
}

// Dropped returns how many events were not handed on, those that came after Close
// among them.
func (d *Dispatcher) Dropped() uint64 { return d.dropped.Load() }

// Close takes no more events and waits until those in the queue were handed on, or
// until ctx ends, when the rest is dropped. The error is then that of ctx. Call it
// when the server has stopped; a second call waits too.
func (d *Dispatcher) Close(ctx context.Context) error {
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		close(d.queue)
	}
	d.mu.Unlock()
	var err error
	select {
	case <-d.done:
	case <-ctx.Done():
		d.abandon.Store(true)
		err = context.Cause(ctx)
	}
	d.report()
	return err
}

// put never blocks.
func (d *Dispatcher) put(event func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		select {
		case d.queue <- event:
			return
		default:
		}
	}
	d.dropLocked()
}

// dropLocked logs later, on another goroutine: a log may block too.
func (d *Dispatcher) dropLocked() {
	d.dropped.Add(1)
	if d.timer != nil || d.closed {
		return
	}
	wait := d.Interval
	if wait <= 0 {
		wait = DefaultInterval
	}
	d.timer = time.AfterFunc(wait, d.report)
}

// report logs the drops since the last report.
func (d *Dispatcher) report() {
	d.mu.Lock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	total := d.dropped.Load()
	n := total - d.reported
	d.reported = total
	d.mu.Unlock()
	if n > 0 && d.Logger != nil {
		d.Logger.Warn("events dropped: hooks are too slow", "dropped", n, "total", total)
	}
}

func (d *Dispatcher) run() {
	defer close(d.done)
	for event := range d.queue {
		if d.abandon.Load() {
			d.dropped.Add(1)
			continue
		}
		d.call(event)
	}
}

// call keeps a hook's panic from ending the program.
func (d *Dispatcher) call(event func()) {
	defer func() {
		p := recover()
		if p != nil && d.Logger != nil {
			d.Logger.Error("panic in a hook", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	event()
}
