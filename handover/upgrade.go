package handover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Upgrade starts a successor with all listeners and waits until it is ready and has
// settled (Options.Settle). If Upgrade returns nil, this process is no longer the
// newest: close the listeners, drain, exit. If it returns an error, nothing has
// changed, and the successor, if it was started, has been killed; the error holds its
// exit status and the reason that it gave to [Process.Fail].
//
// Only one Upgrade runs at a time ([ErrUpgrading]). It needs a successful Ready
// ([ErrNotReady]) and succeeds only once ([ErrHandedOver]). Cancelling ctx gives up
// the attempt.
func (p *Process) Upgrade(ctx context.Context) error {
	if !p.upgrading.TryLock() {
		return ErrUpgrading
	}
	defer p.upgrading.Unlock()
	if err := p.mayUpgrade(); err != nil {
		return err
	}
	reloading := p.systemd.send(reloadingLines()...)
	if err := p.replace(ctx); err != nil {
		p.systemd.send("READY=1", mainPID(os.Getpid()), status("upgrade failed: "+err.Error()))
		return errors.Join(err, reloading)
	}
	return nil
}

func (p *Process) mayUpgrade() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.phase {
	case serving:
		return nil
	case handedOver:
		return ErrHandedOver
	case closed:
		return ErrClosed
	}
	return ErrNotReady
}

func (p *Process) replace(ctx context.Context) error {
	c, err := p.start()
	if err != nil {
		return fmt.Errorf("handover: starting the successor: %w", err)
	}
	err = p.await(ctx, c)
	if err == nil {
		err = p.handOver(c)
	}
	if err != nil {
		c.kill()
		return fmt.Errorf("handover: generation %d (pid %d) %w", c.generation, c.proc.Pid, err)
	}
	return nil
}

// await returns nil once c is ready and has stayed alive for the settling time.
func (p *Process) await(ctx context.Context, c *child) error {
	timeout, bounded := orDefault(p.opts.ReadyTimeout, defaultReadyTimeout)
	if err := c.wait(ctx, c.ready, timeout, bounded); err != nil {
		return err
	}
	settle, ok := orDefault(p.opts.Settle, defaultSettle)
	if !ok {
		return nil
	}
	err := c.wait(ctx, nil, settle, true)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// handOver makes c the newest generation. This process, which systemd trusts,
// announces c as the main process before c speaks for itself.
func (p *Process) handOver(c *child) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phase != serving {
		return fmt.Errorf("was given up: %w", ErrClosed)
	}
	p.systemd.send("READY=1", mainPID(c.proc.Pid))
	unlinkOnClose(p.sockets, false)
	if err := c.yours(); err != nil {
		unlinkOnClose(p.sockets, true)
		return c.died()
	}
	p.phase, p.successor = handedOver, c.proc.Pid
	close(p.retired)
	return nil
}

// settleTime returns how long the successor has to wait for YOURS at least.
func (p *Process) settleTime() time.Duration {
	d, _ := orDefault(p.opts.Settle, defaultSettle)
	return max(d, 0)
}
