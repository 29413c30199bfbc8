package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/paradiseftp/paradise"
)

// config is what the flags say.
type config struct {
	addr     string
	root     string
	users    userFlag
	passive  portRange
	publicIP netip.Addr
	monitor  string

	monitorToken string
	monitorHosts listFlag

	tlsCert    string
	tlsKey     string
	tlsPolicy  string
	tlsAddr    string
	reuse      string
	allowTypes string
	durable    bool
	abuse      string
	sessions   int
	perIP      int
	idle       time.Duration
	drain      time.Duration
	pidFile    string
	logLevel   slog.Level
	logFormat  string
}

func parseFlags(args []string, out io.Writer) (*config, error) {
	cfg := &config{users: userFlag{accounts: paradise.Accounts{"auser": "secret"}}}
	fs := flag.NewFlagSet("paradise", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.StringVar(&cfg.addr, "addr", "127.0.0.1:2121", "control listener, `host:port`")
	fs.StringVar(&cfg.root, "root", "./paradise-data", "`folder` that is served; made if missing")
	fs.Var(&cfg.users, "user", "an account, `name:password`; repeatable, the first replaces auser:secret")
	fs.Var(&cfg.passive, "passive-ports", "`min-max` of the ports for data connections; any free port if empty")
	fs.TextVar(&cfg.publicIP, "public-ip", netip.Addr{}, "`IP` that PASV announces; the control connection's own if empty")
	fs.StringVar(&cfg.monitor, "monitor", "127.0.0.1:5010", "`host:port` of the monitor page; empty turns it off")
	fs.StringVar(&cfg.monitorToken, "monitor-token", "", "`token`, 16 characters or more, for the monitor's actions and for reading it from other machines")
	fs.Var(&cfg.monitorHosts, "monitor-host", "further host `name` under which the monitor is reached; repeatable")
	fs.StringVar(&cfg.tlsCert, "tls-cert", "", "certificate `file`; offers explicit TLS")
	fs.StringVar(&cfg.tlsKey, "tls-key", "", "private key `file` of the certificate")
	fs.StringVar(&cfg.tlsPolicy, "tls-policy", "required", "optional or required: whether plain logins are taken where a certificate is set")
	fs.StringVar(&cfg.tlsAddr, "tls-addr", "", "implicit TLS listener, `host:port`; none if empty")
	fs.StringVar(&cfg.reuse, "data-tls-reuse", "prefer", "prefer, require or off: whether data connections resume their session's TLS")
	fs.StringVar(&cfg.allowTypes, "allow-types", "", "MIME types taken, as in image/*,application/pdf; all if empty")
	fs.BoolVar(&cfg.durable, "durable", false, "fsync file and folder before 226")
	fs.StringVar(&cfg.abuse, "abuse-limits", "on", "on or off: limits per address, bans and login delays; off is for benchmarks and trusted networks")
	fs.IntVar(&cfg.sessions, "max-sessions", 0, "sessions at once; 0 is what the descriptors carry")
	fs.IntVar(&cfg.perIP, "max-sessions-per-ip", 0, "sessions at once from one address; 0 is 256")
	fs.DurationVar(&cfg.idle, "idle-timeout", 5*time.Minute, "how long a session may idle")
	fs.DurationVar(&cfg.drain, "drain-timeout", time.Hour, "how long running transfers may go on after a stop")
	fs.StringVar(&cfg.pidFile, "pid-file", "", "`file` that holds the process ID")
	fs.TextVar(&cfg.logLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	fs.StringVar(&cfg.logFormat, "log-format", "text", "text or json")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag", fs.Arg(0))
	}
	return cfg, cfg.check()
}

func (cfg *config) check() error {
	for _, c := range []struct {
		flag, value string
		allowed     []string
	}{
		{"tls-policy", cfg.tlsPolicy, []string{"optional", "required"}},
		{"data-tls-reuse", cfg.reuse, []string{"prefer", "require", "off"}},
		{"abuse-limits", cfg.abuse, []string{"on", "off"}},
		{"log-format", cfg.logFormat, []string{"text", "json"}},
	} {
		if !contains(c.allowed, c.value) {
			return fmt.Errorf("-%s is %q: use %s", c.flag, c.value, strings.Join(c.allowed, " or "))
		}
	}
	switch {
	case (cfg.tlsCert == "") != (cfg.tlsKey == ""):
		return errors.New("-tls-cert and -tls-key belong together: give both")
	case cfg.tlsAddr != "" && cfg.tlsCert == "":
		return errors.New("-tls-addr needs a certificate: give -tls-cert and -tls-key")
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// userFlag collects accounts; the first one given replaces the default.
type userFlag struct {
	accounts paradise.Accounts
	given    bool
}

func (u *userFlag) String() string { return "" }

func (u *userFlag) Set(s string) error {
	name, password, ok := strings.Cut(s, ":")
	if !ok || name == "" {
		return errors.New("want name:password")
	}
	if !u.given {
		u.accounts, u.given = paradise.Accounts{}, true
	}
	u.accounts[name] = password
	return nil
}

// listFlag collects values.
type listFlag []string

func (l *listFlag) String() string { return strings.Join(*l, ",") }

func (l *listFlag) Set(s string) error {
	*l = append(*l, s)
	return nil
}

// portRange is MIN-MAX.
type portRange struct{ min, max uint16 }

func (p *portRange) String() string {
	if p.min == 0 {
		return ""
	}
	return fmt.Sprintf("%d-%d", p.min, p.max)
}

func (p *portRange) Set(s string) error {
	if s == "" {
		*p = portRange{}
		return nil
	}
	low, high, ok := strings.Cut(s, "-")
	a, err1 := strconv.ParseUint(low, 10, 16)
	b, err2 := strconv.ParseUint(high, 10, 16)
	if !ok || err1 != nil || err2 != nil || a == 0 || b < a {
		return errors.New("want min-max, as in 50000-50100")
	}
	*p = portRange{uint16(a), uint16(b)}
	return nil
}
