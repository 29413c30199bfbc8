package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/paradiseftp/paradise/handover"
)

// run serves until a signal stops this process or a newer one takes over.
func run(cfg *config, args []string) error {
	var s *service
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	others := &generations{}
	defer others.close()
	defer func() {
		if s != nil {
			s.close()
		}
	}()
	return handover.Run(ctx, handover.Options{
		PIDFile:      cfg.pidFile,
		State:        func() []byte { return others.state(s.lost()) },
		ReadyTimeout: cfg.upgrade,
		ReportCrash:  true,
		Grace:        cfg.grace,
		OnReady:      func() { s.ready(stop) },
		OnFailure:    func(err error) { s.restartFailed(err) },
	}, func(p *handover.Process) (handover.Server, error) {
		others.inherit(p)
		if err := cfg.inherits(p.Generation()); err != nil {
			return nil, err
		}
		if others.lost != "" {
			return nil, errors.New(others.lost)
		}
		var err error
		if s, err = newService(cfg, args, p, others); err != nil {
			return nil, err
		}
		slog.SetDefault(s.log) // for packages that have no logger of their own
		return s, s.start()
	})
}

// fail tells the predecessor, if there is one, why this process does not serve.
func fail(reason error) {
	if p, err := handover.New(handover.Options{}); err == nil {
		p.Fail(reason)
		p.Close()
	}
}

// housekeeping is how often the files of the certificate are checked.
const housekeeping = 10 * time.Second

// obey handles signals and reloads changed certificates until the process ends.
func (s *service) obey(stop func()) {
	tick := time.NewTicker(housekeeping)
	defer tick.Stop()
	stopped, hangup, leaving := s.stop, s.hangup, s.leaving
	for {
		select {
		case <-stopped:
			stopped = nil // shutdown handles a second signal
			stop()
		case <-leaving:
			leaving, hangup = nil, nil // a process that is ending does not reload
			tick.Stop()
		case <-s.background.Done():
			return
		case <-hangup:
			if err := s.p.Reload(s.reload); err != nil {
				s.log.Error("reload failed, nothing has changed", "error", err)
			}
		case <-tick.C:
			s.renewCert()
		}
	}
}

func (s *service) restartFailed(err error) {
	s.others.upgradeFailed()
	s.log.Error("restart failed, nothing has changed", "error", err)
	s.p.Status(fmt.Sprintf("Restart failed: %v", err))
}

// minGrace is the least grace of a restart. Clients that this process has accepted at the
// last moment must be able to log in.
const minGrace = time.Second

// Drain is called with a grace after a successor has taken over, and without one when this
// process should stop.
func (s *service) Drain(ctx context.Context, grace time.Duration) error {
	s.leave.Do(func() { close(s.leaving) })
	grace, limit := s.times(grace)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if grace > 0 {
		return s.retire(ctx, grace)
	}
	return s.shutdown(ctx, cancel)
}

// retire drains after a successor has taken over. Idle sessions may go on for the grace.
func (s *service) retire(ctx context.Context, grace time.Duration) error {
	s.stopWeb() // from now on the successor's monitor answers
	drained := make(chan error, 1)
	go func() { drained <- s.srv.Drain(ctx, grace) }()
	s.accepting.Wait()
	s.log.Info("a newer process has taken over", "old_pid", os.Getpid(), "new_pid", s.p.Successor(), "grace", grace)
	return s.closeServer(ctx, <-drained)
}

// shutdown waits for transfers. A second signal ends them at once.
func (s *service) shutdown(ctx context.Context, atOnce func()) error {
	now := s.srv.Stats()
	s.log.Info("draining", "sessions", len(now.Sessions),
		"transfers", now.Uploads.Running+now.Downloads.Running+now.Listings.Running)
	go func() {
		select {
		case <-s.stop:
			atOnce()
		case <-ctx.Done():
		}
	}()
	return s.closeServer(ctx, s.srv.Shutdown(ctx))
}

// closeServer ends the sessions that are left if a drain ran out of time.
func (s *service) closeServer(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == nil {
		return err
	}
	return s.Close()
}

// Close ends everything at once.
func (s *service) Close() error {
	err := s.srv.Close()
	s.stopped.Do(func() { s.log.Info("stopped") })
	return err
}

// notifyStop relays the signals that stop the process and the one that reloads. It ignores
// SIGPIPE, because the process must not end when the reader of its log has gone.
func (s *service) notifyStop() {
	signal.Ignore(syscall.SIGPIPE)
	signal.Notify(s.stop, os.Interrupt, syscall.SIGTERM)
	signal.Notify(s.hangup, syscall.SIGHUP)
}
