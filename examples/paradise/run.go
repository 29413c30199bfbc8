package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

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
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	if err := serveMonitor(cfg, srv, func() { stop <- syscall.SIGTERM }); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	welcome(cfg, l.Addr())

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
