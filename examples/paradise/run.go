package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/paradiseftp/paradise"
)

// run serves until a signal stops it.
func run(cfg *config) error {
	srv, files, err := newServer(cfg, newLogger(cfg))
	if err != nil {
		return err
	}
	defer files.Close()
	l, err := net.Listen("tcp", cfg.addr)
	if err != nil {
		return err
	}
	if err := serveMonitor(cfg, srv); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	welcome(cfg, l.Addr())

	stop := make(chan os.Signal, 2)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	select {
	case err := <-served:
		return err
	case <-stop:
	}
	return drain(cfg, srv, stop)
}

// drain lets transfers end; a second signal ends them at once.
func drain(cfg *config, srv *paradise.Server, stop <-chan os.Signal) error {
	ctx, cancel := context.WithTimeout(context.Background(), cfg.drain)
	defer cancel()
	go func() {
		<-stop
		cancel()
	}()
	if err := srv.Shutdown(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return srv.Close()
}

// serveMonitor answers with the seed's text form.
func serveMonitor(cfg *config, srv *paradise.Server) error {
	if cfg.monitor == "" {
		return nil
	}
	l, err := net.Listen("tcp", cfg.monitor)
	if err != nil {
		return fmt.Errorf("monitor: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		srv.Stats().WriteText(w)
	})
	hs := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := hs.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "paradise: monitor:", err)
		}
	}()
	return nil
}

// welcome tells what to type next.
func welcome(cfg *config, addr net.Addr) {
	fmt.Println("listening on: ", addr)
	if !cfg.users.given {
		fmt.Printf("try:  ftp ftp://auser:secret@%s\n", addr)
		fmt.Printf("or:   curl -T README.md ftp://auser:secret@%s/\n", addr)
	}
	if cfg.monitor != "" {
		fmt.Printf("see:  curl http://%s/\n", cfg.monitor)
	}
}
