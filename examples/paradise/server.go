package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/auth/webhook"
)

// newServer returns the server that the configuration describes. The caller closes files.
func newServer(
	cfg *config, log *slog.Logger, files *homes, users *logins, certs *tls.Config,
) (*paradise.Server, error) {
	all, err := files.shared()
	if err != nil {
		return nil, fmt.Errorf("-root: %w", err)
	}
	return &paradise.Server{
		Auth:  users,
		Files: all,
		Passive: paradise.PassiveOptions{
			MinPort:   cfg.passive.min,
			MaxPort:   cfg.passive.max,
			PublicIP:  cfg.publicIP,
			PeerCheck: peerChecks[cfg.peerCheck],
		},
		TLSConfig: certs,
		Policy:    cfg.policy(),
		Timeouts:  paradise.Timeouts{Idle: cfg.idle},
		Limits:    cfg.limits(),
		Logger:    log,
	}, nil
}

var peerChecks = map[string]paradise.PeerCheck{
	"same":   paradise.PeerSame,
	"subnet": paradise.PeerSubnet,
	"any":    paradise.PeerAny,
}

// policyWait converts a wait for the policy, where zero means the default and a negative
// value none.
func policyWait(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// policy returns the policy for all users. Accounts may change it.
func (cfg *config) policy() paradise.Policy {
	p := paradise.Policy{Gate: paradise.Gate{Allow: splitList(cfg.allowTypes)}, LostControlWait: policyWait(cfg.lostWait)}
	cfg.clients.apply(&p)
	if !cfg.hasTLS() || cfg.tlsPolicy == "optional" {
		p.TLS = paradise.TLSOptional
	}
	if !cfg.hasTLS() {
		return p
	}
	switch cfg.reuse {
	case "require":
		p.DataTLSReuse = paradise.ReuseRequire
	case "off":
		p.DataTLSReuse = paradise.ReuseOff
	}
	return p
}

// limits returns the library's default limits or, with -abuse-limits off, only the limit
// by file descriptors and those that the settings name.
func (cfg *config) limits() paradise.Limits {
	l := paradise.Limits{Sessions: cfg.sessions, SessionsPerIP: cfg.sessionsPerIP()}
	if l.SessionsPerIP == 0 {
		l.SessionsPerIP = -1 // in the library zero means the default
	}
	if cfg.abuse == "off" {
		l.LoginsPerMin, l.LoginsAtOnce, l.LoginTries, l.BanAfter = -1, -1, -1, -1
		l.FailedDelay, l.EarlyCommands, l.BadCommands = -1, -1, -1
	}
	return l
}

// sessionsPerIP returns the limit in force, or 0 for none. With -abuse-limits off the
// limit applies only if it was given.
func (cfg *config) sessionsPerIP() int {
	if cfg.abuse == "off" && !cfg.given("max-sessions-per-ip") {
		return 0
	}
	return cfg.perIP
}

// given reports whether a flag, or the file's key of that name, was set.
func (cfg *config) given(name string) bool {
	found := false
	cfg.set.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// identityService returns the driver for -auth-url, or nil if that is not set.
func (cfg *config) identityService() (paradise.AuthDriver, error) {
	if cfg.authURL == "" {
		return nil, nil
	}
	d := &webhook.Driver{URL: cfg.authURL}
	if cfg.authKey != "" {
		key, err := readSecret("auth-secret-file", cfg.authKey)
		if err != nil {
			return nil, err
		}
		d.Secret = key
	}
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("-auth-url: %w: write https://..., or http:// to this machine", err)
	}
	return d, nil
}

// probe returns the error of Serve for invalid fields of srv, without serving anybody.
func probe(srv *paradise.Server) error {
	if err := srv.Serve(deadListener{}); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return srv.Shutdown(context.Background())
}

// deadListener is a closed listener.
type deadListener struct{}

func (deadListener) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (deadListener) Close() error              { return nil }
func (deadListener) Addr() net.Addr            { return &net.TCPAddr{} }
