package main

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/monitor"
)

// newMonitor returns the monitor, or nil if it is switched off. It adds the token and the
// hosts to o.
func (cfg *config) newMonitor(srv *paradise.Server, o monitor.Options) (*monitor.Handler, error) {
	if cfg.monitor == "" {
		return nil, nil
	}
	token, err := cfg.token()
	if err != nil {
		return nil, err
	}
	o.Token, o.Hosts = token, cfg.monitorHosts
	if err := monitor.Check(cfg.monitor, o); err != nil {
		return nil, fmt.Errorf("-monitor: %w (-monitor-token-file FILE)", err)
	}
	page, err := monitor.New(srv, o)
	if err != nil {
		return nil, fmt.Errorf("-monitor: %w", err)
	}
	return page, nil
}

// token returns the token of -monitor-token or -monitor-token-file.
func (cfg *config) token() (string, error) {
	if cfg.monitorKey == "" {
		return cfg.monitorToken, nil
	}
	b, err := readSecret("monitor-token-file", cfg.monitorKey)
	return string(b), err
}

// serveMonitor serves the monitor at l until the process gives up its listeners, also while
// the server drains.
func (s *service) serveMonitor(l net.Listener) *web {
	hs := &http.Server{
		Handler:           s.page,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      30 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	go s.page.Record(s.watching)
	return startWeb(hs, l, s.log)
}
