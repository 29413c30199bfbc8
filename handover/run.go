package handover

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"github.com/paradiseftp/paradise"
)

// Server is a server that Run can stop. A [paradise.Server] is one. A program with
// several servers combines them into one.
type Server interface {
	// Drain stops accepting, lets clients go on for the grace, then ends idle
	// sessions, and waits for the others or for ctx. A second call without grace
	// ends the grace of the first.
	Drain(ctx context.Context, grace time.Duration) error

	// Close ends everything at once.
	Close() error
}

// Run runs a process as one generation of a server, from its start to its end. start
// reads the configuration, opens listeners with [Process.Listen], serves them with
// [Process.Go], and returns the server. Then Run calls Ready, upgrades whenever
// SIGUSR2 arrives, and ends in one of these ways:
//
//   - ctx is done: Run stops accepting and drains without grace. A
//     signal.NotifyContext keeps catching signals after the first one; call
//     context.AfterFunc(ctx, stop), with the stop that it returns, to let a second
//     signal end the process at once.
//   - A successor has taken over: Run drains with Options.Grace, which the end of ctx
//     cuts short.
//   - start fails, or a function that Go runs fails: Run returns that error. A
//     predecessor that has not handed over yet gets the reason and goes on as if
//     there had been no attempt.
//   - The program itself has shut its server down: Run waits for that drain.
//
// Run returns nil after an orderly end. If a drain takes longer than
// Options.DrainTimeout, Run calls the server's Close. If start fails, start itself
// must close the listeners it has opened.
func Run(ctx context.Context, o Options, start func(*Process) (Server, error)) error {
	p, err := New(o)
	if err != nil {
		return err
	}
	defer p.Close()
	srv, err := start(p)
	if err != nil {
		p.Fail(err)
		return err
	}
	r := &run{p: p, srv: srv, restart: make(chan os.Signal, 1)}
	NotifyRestart(r.restart)
	defer signal.Stop(r.restart)
	if err := r.becomeReady(ctx); err != nil {
		p.Fail(err)
		return errors.Join(err, srv.Close())
	}
	if ctx.Err() != nil {
		p.Fail(context.Cause(ctx))
		return srv.Close()
	}
	if o.OnReady != nil {
		o.OnReady()
	}
	return r.live(ctx)
}

// Go runs f, which serves a listener, on its own goroutine. It is for programs that
// use [Run]: if f returns before Run has ended the server, Run ends too.
func (p *Process) Go(f func() error) {
	go func() {
		err := f()
		select {
		case p.ended <- err:
		default: // Run needs only the first
		}
	}()
}

// run is the state of Run.
type run struct {
	p       *Process
	srv     Server
	restart chan os.Signal
}

// becomeReady fails if the server ends meanwhile, because the predecessor must then
// keep the listeners. If ctx ends, it returns nil.
func (r *run) becomeReady(ctx context.Context) error {
	ready := make(chan error, 1)
	go func() { ready <- r.p.Ready() }()
	select {
	case err := <-ready:
		return err
	case err := <-r.p.ended:
		if err == nil {
			err = errors.New("handover: the server ended before it was ready")
		}
		return err
	case <-ctx.Done():
		return nil
	}
}

// live serves restart requests until the server ends, ctx ends or a successor has
// taken over.
func (r *run) live(ctx context.Context) error {
	upgrading, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	var upgraded chan error // nil unless an upgrade is running
	for {
		select {
		case err := <-r.p.ended:
			return r.stopped(err)
		case <-ctx.Done():
			giveUp()
			if upgraded != nil && <-upgraded == nil {
				return r.retire(ctx)
			}
			r.p.Stopping()
			return r.drain()
		case <-r.restart:
			if upgraded == nil {
				upgraded = make(chan error, 1)
				go func() { upgraded <- r.p.Upgrade(upgrading) }()
			}
		case err := <-upgraded:
			if err == nil {
				return r.retire(ctx)
			}
			upgraded = nil
			r.p.failed(err)
		}
	}
}

// failed reports an upgrade that failed and so changed nothing.
func (p *Process) failed(err error) {
	if p.opts.OnFailure != nil {
		p.opts.OnFailure(err)
		return
	}
	slog.Error("restart failed, nothing has changed", "error", err)
}

// stopped handles a server that has ended without Run: because the program shut it
// down, when transfers may still run, or because it failed.
func (r *run) stopped(err error) error {
	r.p.Stopping()
	if err == nil || errors.Is(err, paradise.ErrServerClosed) {
		return r.drain()
	}
	return errors.Join(err, r.srv.Close())
}

// drain waits for running transfers.
func (r *run) drain() error {
	ctx, cancel := r.p.drainTime()
	defer cancel()
	return r.close(ctx, r.srv.Drain(ctx, 0))
}

// retire drains after a successor has taken over.
func (r *run) retire(stop context.Context) error {
	ctx, cancel := r.p.drainTime()
	defer cancel()
	grace, _ := orDefault(r.p.opts.Grace, defaultGrace)
	drained := make(chan error, 1)
	go func() { drained <- r.srv.Drain(ctx, max(grace, 0)) }()
	select {
	case err := <-drained:
		return r.close(ctx, err)
	case <-stop.Done():
		return r.close(ctx, r.srv.Drain(ctx, 0))
	}
}

// close ends the sessions that are left if err says that a drain ran out of time.
func (r *run) close(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return r.srv.Close()
	}
	return err
}

func (p *Process) drainTime() (context.Context, context.CancelFunc) {
	if p.opts.DrainTimeout <= 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), p.opts.DrainTimeout)
}
