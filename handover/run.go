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

// Server is what Run ends when its time has come. A [paradise.Server] is one; so
// is what a program makes of several.
type Server interface {
	// Drain stops accepting, lets clients go on for the grace, then ends those
	// that do nothing, and waits for the others or for ctx. A second call
	// without grace ends that of the first.
	Drain(ctx context.Context, grace time.Duration) error

	// Close ends everything at once.
	Close() error
}

// Run is the life of a process as one generation of a server, in one call. start
// reads the configuration, opens listeners with [Process.Listen], has them served
// with [Process.Go], and returns what it serves. Then Run is Ready, restarts
// whenever SIGUSR2 asks for it, and ends in one of these ways:
//
//   - ctx is done: no new clients, Drain without grace. signal.NotifyContext goes
//     on to catch signals; context.AfterFunc(ctx, stop), with the stop that it
//     returns, lets a second one end the process at once.
//   - A successor has taken over: Drain with Options.Grace, which ctx cuts short.
//   - start fails, or what Go runs does: Run returns that error. While a
//     predecessor is there it is told why, and goes on as if nothing had been
//     tried.
//   - The program itself has shut its server down: Run waits for that drain.
//
// It returns nil after an orderly end. Close is called where a drain takes longer
// than Options.DrainTimeout. Where start fails it closes what it has opened.
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

// Go runs f, which serves a listener, on a goroutine of its own. It is for
// programs that use [Run]: there the end of f, before Run has ended the server,
// is the end of Run.
func (p *Process) Go(f func() error) {
	go func() {
		err := f()
		select {
		case p.ended <- err:
		default: // one is enough
		}
	}()
}

// run is what Run is about.
type run struct {
	p       *Process
	srv     Server
	restart chan os.Signal
}

// becomeReady gives up where the server fails meanwhile: its predecessor must not
// leave the listeners to it. At the end of ctx it returns nil.
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

// live obeys what comes from outside until one of the ends.
func (r *run) live(ctx context.Context) error {
	upgrading, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	var upgraded chan error // while an upgrade goes on
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

// failed tells of an upgrade that changed nothing.
func (p *Process) failed(err error) {
	if p.opts.OnFailure != nil {
		p.opts.OnFailure(err)
		return
	}
	slog.Error("restart failed, nothing has changed", "error", err)
}

// stopped follows a server that has ended by itself: by a shutdown of the
// program's own, whose transfers may go on, or by a failure.
func (r *run) stopped(err error) error {
	r.p.Stopping()
	if err == nil || errors.Is(err, paradise.ErrServerClosed) {
		return r.drain()
	}
	return errors.Join(err, r.srv.Close())
}

// drain waits for what runs.
func (r *run) drain() error {
	ctx, cancel := r.p.drainTime()
	defer cancel()
	return r.close(ctx, r.srv.Drain(ctx, 0))
}

// retire drains for a successor.
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

// close ends what a drain has left over when its time was up.
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
