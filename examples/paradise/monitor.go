package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/monitor"
)

// serveMonitor answers at -monitor until the program ends, also while the
// server drains. drain is called for the page's button.
func serveMonitor(cfg *config, srv *paradise.Server, drain func()) error {
	if cfg.monitor == "" {
		return nil
	}
	o := monitor.Options{Token: cfg.monitorToken, Hosts: cfg.monitorHosts, Drain: drain}
	if err := monitor.Check(cfg.monitor, o); err != nil {
		return err
	}
	page, err := monitor.New(srv, o)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", cfg.monitor)
	if err != nil {
		return fmt.Errorf("monitor: %w", err)
	}
	hs := &http.Server{
		Handler:           page,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      30 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	hs.RegisterOnShutdown(page.Close)
	go page.Record(context.Background())
	go func() {
		if err := hs.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "paradise: monitor:", err)
		}
	}()
	return nil
}
