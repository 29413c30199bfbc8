package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/osfs"
)

// newServer makes the server that the flags describe. The driver is closed by
// the caller.
func newServer(cfg *config, log *slog.Logger) (*paradise.Server, *osfs.Driver, error) {
	if err := os.MkdirAll(cfg.root, 0o755); err != nil {
		return nil, nil, err
	}
	files, err := osfs.Open(cfg.root, osfs.Options{Durable: cfg.durable})
	if err != nil {
		return nil, nil, err
	}
	srv := &paradise.Server{
		Auth:  cfg.users.accounts,
		Files: files,
		Passive: paradise.PassiveOptions{
			MinPort:  cfg.passive.min,
			MaxPort:  cfg.passive.max,
			PublicIP: cfg.publicIP,
		},
		Timeouts: paradise.Timeouts{Idle: cfg.idle},
		Limits:   cfg.limits(),
		Logger:   log,
	}
	if cfg.allowTypes != "" {
		for t := range strings.SplitSeq(cfg.allowTypes, ",") {
			srv.Policy.Gate.Allow = append(srv.Policy.Gate.Allow, strings.TrimSpace(t))
		}
	}
	if err := cfg.setTLS(srv); err != nil {
		files.Close()
		return nil, nil, err
	}
	return srv, files, nil
}

func (cfg *config) setTLS(srv *paradise.Server) error {
	if cfg.tlsCert == "" {
		srv.Policy.TLS = paradise.TLSOptional
		return nil
	}
	cert, err := tls.LoadX509KeyPair(cfg.tlsCert, cfg.tlsKey)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	if cfg.tlsPolicy == "optional" {
		srv.Policy.TLS = paradise.TLSOptional
	}
	switch cfg.reuse {
	case "require":
		srv.Policy.DataTLSReuse = paradise.ReuseRequire
	case "off":
		srv.Policy.DataTLSReuse = paradise.ReuseOff
	}
	return nil
}

// limits are the library's defaults, or none but the descriptors'.
func (cfg *config) limits() paradise.Limits {
	if cfg.abuse == "off" {
		return paradise.Limits{Sessions: cfg.sessions, SessionsPerIP: -1, LoginsPerMin: -1, LoginTries: -1,
			BanAfter: -1, FailedDelay: -1, EarlyCommands: -1, BadCommands: -1}
	}
	return paradise.Limits{Sessions: cfg.sessions, SessionsPerIP: cfg.perIP}
}

func newLogger(cfg *config) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.logLevel}
	if cfg.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
