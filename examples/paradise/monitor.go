package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/monitor"
)

// newMonitor makes the page, nil if it is switched off. drain is called for the
// page's button, older tells of older processes.
func (cfg *config) newMonitor(srv *paradise.Server, drain func(), older func() []monitor.Generation) (*monitor.Handler, error) {
	if cfg.monitor == "" {
		return nil, nil
	}
	o := monitor.Options{Token: cfg.monitorToken, Hosts: cfg.monitorHosts, Drain: drain, Generations: older}
	if err := monitor.Check(cfg.monitor, o); err != nil {
		return nil, err
	}
	return monitor.New(srv, o)
}

// serveMonitor answers at l until the process gives its listeners up, also while
// the server drains.
func (s *service) serveMonitor(l net.Listener) *http.Server {
	s.older.tell(s.srv)
	hs := &http.Server{
		Handler:           s.page,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      30 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	hs.RegisterOnShutdown(s.page.Close)
	go s.page.Record(s.background)
	go func() {
		if err := hs.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, context.Canceled) {
			s.log.Error("monitor", "error", err)
		}
	}()
	return hs
}
