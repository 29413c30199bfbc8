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
		slog.SetDefault(s.log) // what packages log for which nobody has set a logger
		return s, s.start()
	})
}

// fail tells a predecessor, if there is one, why this process does not serve.
func fail(reason error) {
	if p, err := handover.New(handover.Options{}); err == nil {
		p.Fail(reason)
		p.Close()
	}
}

// housekeeping is how often certificates are looked at.
const housekeeping = 10 * time.Second

// obey follows signals and looks after the certificates, until the server leaves.
func (s *service) obey(stop func()) {
	tick := time.NewTicker(housekeeping)
	defer tick.Stop()
	stopped, hangup, leaving := s.stop, s.hangup, s.leaving
	for {
		select {
		case <-stopped:
			stopped = nil // a further one is the drain's
			stop()
		case <-leaving:
			leaving, hangup = nil, nil // what is about to end does not reload
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

// minGrace is for clients that this process has accepted at the last moment:
// they must be able to log in.
const minGrace = time.Second

// Drain is called with a grace once a successor has taken over, and without one
// when this process is to stop.
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

// retire drains for a successor: idle sessions have the grace to end by
// themselves.
func (s *service) retire(ctx context.Context, grace time.Duration) error {
	s.stopWeb() // what is asked of the monitor from here on the successor answers
	drained := make(chan error, 1)
	go func() { drained <- s.srv.Drain(ctx, grace) }()
	s.accepting.Wait()
	s.log.Info("a newer process has taken over", "old_pid", os.Getpid(), "new_pid", s.p.Successor(), "grace", grace)
	return s.closeServer(ctx, <-drained)
}

// shutdown lets transfers end; a further signal ends them at once.
func (s *service) shutdown(ctx context.Context, atOnce func()) error {
	now := s.srv.Stats()
	s.log.Info("draining", "sessions", len(now.Sessions), "transfers", now.Uploads.Running+now.Downloads.Running+now.Listings.Running)
	go func() {
		select {
		case <-s.stop:
			atOnce()
		case <-ctx.Done():
		}
	}()
	return s.closeServer(ctx, s.srv.Shutdown(ctx))
}

// closeServer ends what a drain has left over when its time was up.
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

// notifyStop relays the signals that end the process, and the one that reloads. A
// log whose reader has gone is no reason to end.
func (s *service) notifyStop() {
	signal.Ignore(syscall.SIGPIPE)
	signal.Notify(s.stop, os.Interrupt, syscall.SIGTERM)
	signal.Notify(s.hangup, syscall.SIGHUP)
}
