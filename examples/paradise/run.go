package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/paradiseftp/paradise/handover"
)

// run serves until a signal stops this process or a newer one takes over.
func run(cfg *config, args []string) error {
	older := &generations{}
	p, err := handover.New(handover.Options{
		PIDFile:      cfg.pidFile,
		State:        older.state,
		ReadyTimeout: cfg.upgrade,
		ReportCrash:  true,
	})
	if err != nil {
		return err
	}
	defer p.Close()
	older.inherit(p.State())
	defer older.close()
	if err := cfg.inherits(p.Generation()); err != nil {
		p.Fail(err)
		return err
	}
	s, err := newService(cfg, args, p, older)
	if err != nil {
		p.Fail(err)
		return err
	}
	defer s.close()
	if err := s.start(); err != nil {
		p.Fail(err)
		return err
	}
	return s.loop()
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

// loop obeys signals.
func (s *service) loop() error {
	tick := time.NewTicker(housekeeping)
	defer tick.Stop()
	ctx, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	var upgraded chan error // while an upgrade goes on
	for {
		select {
		case err := <-s.served:
			return err
		case <-s.stop:
			giveUp()
			if upgraded != nil && <-upgraded == nil {
				return s.retire()
			}
			s.p.Stopping()
			return s.shutdown()
		case <-s.hangup:
			if err := s.p.Reload(s.reload); err != nil {
				s.log.Error("reload failed, nothing has changed", "error", err)
			}
		case <-s.restart:
			if upgraded == nil {
				upgraded = make(chan error, 1)
				go func() { upgraded <- s.p.Upgrade(ctx) }()
			}
		case err := <-upgraded:
			if err == nil {
				return s.retire()
			}
			upgraded = nil
			s.log.Error("restart failed, nothing has changed", "error", err)
			s.p.Status(fmt.Sprintf("Restart failed: %v", err))
		case <-tick.C:
			s.renewCert()
		}
	}
}

// minGrace is for clients that this process has accepted at the last moment:
// they must be able to log in.
const minGrace = time.Second

// retire drains for a successor: idle sessions have the grace to end by
// themselves.
func (s *service) retire() error {
	grace := s.cfg.grace
	drained := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.drain)
	defer cancel()
	go func() { drained <- s.srv.Drain(ctx, grace) }()
	for range s.listeners {
		<-s.served
	}
	s.log.Info("a newer process has taken over", "old_pid", os.Getpid(), "new_pid", s.p.Successor(), "grace", grace)
	s.closeWeb()
	select {
	case err := <-drained:
		return s.closeServer(ctx, err)
	case <-s.stop:
		return s.shutdown()
	}
}

// shutdown lets transfers end; a further signal ends them at once.
func (s *service) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.drain)
	defer cancel()
	now := s.srv.Stats()
	s.log.Info("draining", "sessions", len(now.Sessions), "transfers", now.Uploads.Running+now.Downloads.Running+now.Listings.Running)
	go func() {
		select {
		case <-s.stop:
			cancel()
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
	err = s.srv.Close()
	s.log.Info("stopped", "pid", os.Getpid())
	return err
}

// notifyStop relays the signals that end the process, and the one that reloads.
func (s *service) notifyStop() {
	signal.Notify(s.stop, os.Interrupt, syscall.SIGTERM)
	signal.Notify(s.hangup, syscall.SIGHUP)
}
