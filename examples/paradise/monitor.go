package main

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/monitor"
)

// newMonitor makes the page, nil if it is switched off. What o says of the server is
// given.
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

// token is what -monitor-token says, or its file.
func (cfg *config) token() (string, error) {
	if cfg.monitorKey == "" {
		return cfg.monitorToken, nil
	}
	b, err := readSecret("monitor-token-file", cfg.monitorKey)
	return string(b), err
}

// serveMonitor answers at l until the process gives its listeners up, also while
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
