// Package events calls a server's hooks off the data path, so that a slow hook
// cannot slow down a transfer.
//
// A [Dispatcher] calls hooks later, on its own goroutine, in the order in which the
// events happened. If hooks are too slow, it drops events, counts them and logs the
// count: use it for logs, counters and displays. A [Writer] does the same for the
// lines of a log. Use package journal for events that must not be lost.
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

// DefaultInterval is the least time between two log lines about dropped events.
const DefaultInterval = time.Minute

// Dispatcher is a bounded queue of events and the goroutine that passes them to the
// hooks. Create one with New. Set the fields before you use its hooks.
type Dispatcher struct {
	// Logger gets a line about dropped events and about each hook that panics. Nil:
	// nothing is logged.
	Logger *slog.Logger

	// Interval is the least time between two log lines about dropped events. Zero:
	// DefaultInterval.
	Interval time.Duration

	hooks   paradise.Hooks
	done    chan struct{} // closed when the goroutine has ended
	dropped atomic.Uint64
	abandon atomic.Bool // set when Close stops waiting: the rest of the queue is dropped

	mu       sync.Mutex
	queue    chan func() // closed by Close
	closed   bool
	reported uint64 // the value of dropped at the last report
	timer    *time.Timer
}

// New starts a Dispatcher that calls h and queues up to n events, at least one.
func New(n int, h paradise.Hooks) *Dispatcher {
	d := &Dispatcher{hooks: h, queue: make(chan func(), max(n, 1)), done: make(chan struct{})}
	go d.run()
	return d
}

// Hooks returns the hooks to set as [paradise.Server.Hooks]. Connect and Before are
// the ones given to New, because the server waits for their answers; the others only
// queue the event and return at once. Hooks that were nil stay nil. A queued hook
// gets a context that has the values of the session's context but is not cancelled
// with it.
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

// Dropped returns how many events never reached their hook, including those that
// came after Close.
func (d *Dispatcher) Dropped() uint64 { return d.dropped.Load() }

// Close accepts no more events and waits until the hooks have been called for those
// in the queue. If ctx ends first, the rest is dropped and Close returns the cause of
// ctx. Call it after the server has stopped. A second call waits too.
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

// dropLocked leaves the log line to a timer's goroutine, because a logger may block.
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

// report logs how many events were dropped since the last report.
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
