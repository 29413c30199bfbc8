package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/paradiseftp/paradise"
)

// config is what the flags and the file say.
type config struct {
	set *flag.FlagSet // what the settings were read by

	configFile  string
	checkOnly   bool
	printConfig bool

	addr     string
	root     string
	users    userFlag
	accounts map[string]*account // from the file
	htpasswd string
	authURL  string
	authKey  string
	passive  portRange
	publicIP netip.Addr
	monitor  string

	monitorToken string
	monitorHosts listFlag

	tlsCert    string
	tlsKey     string
	tlsPolicy  string
	tlsAddr    string
	tlsOld     bool
	acme       acmeConfig
	reuse      string
	allowTypes string
	durable    bool
	abuse      string
	sessions   int
	perIP      int
	idle       time.Duration
	drain      time.Duration
	grace      time.Duration
	upgrade    time.Duration
	pidFile    string
	logLevel   slog.Level
	logFormat  string
	traceUsers listFlag
	xferlog    string

	tlsDemanded bool // -tls-policy required was said, not only the default
	onUpload    onUpload
}

// commandNames are the words that may stand in place of flags.
const commandNames = "who, top, healthcheck or hash-password"

// parseFlags reads the flags, and the file that -config names. What a flag says
// goes before what the file says.
func parseFlags(args []string, out io.Writer) (*config, error) {
	cfg := &config{users: userFlag{accounts: paradise.Accounts{"auser": "secret"}}}
	fs := cfg.flags(io.Discard)
	cfg.set = fs
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		fs.SetOutput(out)
		fmt.Fprintf(out, "Usage: paradise [flags], or a command with flags of its own: %s\n", commandNames)
		fs.PrintDefaults()
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%w; paradise -h lists the flags", err)
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("unknown command %q: use %s", fs.Arg(0), commandNames)
	}
	if cfg.configFile != "" {
		if err := cfg.readFile(fs, cfg.configFile); err != nil {
			return nil, err
		}
	}
	fs.Visit(func(f *flag.Flag) {
		cfg.tlsDemanded = cfg.tlsDemanded || f.Name == "tls-policy" && cfg.tlsPolicy == "required"
	})
	if !cfg.users.given && (len(cfg.accounts) > 0 || cfg.htpasswd != "" || cfg.authURL != "") {
		cfg.users.accounts = nil
	}
	return cfg, cfg.check()
}

// flags defines the flags; each is a key of the configuration file as well.
func (cfg *config) flags(out io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet("paradise", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.StringVar(&cfg.configFile, "config", "", "TOML `file` with any of these settings, and accounts")
	fs.BoolVar(&cfg.checkOnly, "check", false, "check the configuration and exit")
	fs.BoolVar(&cfg.printConfig, "print-config", false, "print the settings in force as a configuration file, without secrets, and exit")
	fs.StringVar(&cfg.addr, "addr", "127.0.0.1:2121", "control listener, `host:port`")
	fs.StringVar(&cfg.root, "root", "./paradise-data", "`folder` that is served; made if missing")
	cfg.loginFlags(fs)
	fs.Var(&cfg.passive, "passive-ports", "`min-max` of the ports for data connections; any free port if empty")
	fs.TextVar(&cfg.publicIP, "public-ip", netip.Addr{}, "`IP` that PASV announces; the control connection's own if empty")
	fs.StringVar(&cfg.monitor, "monitor", "127.0.0.1:5010", "`host:port` of the monitor page; empty turns it off")
	fs.StringVar(&cfg.monitorToken, "monitor-token", "", "`token`, 16 characters or more, for the monitor's actions and for reading it from other machines")
	fs.Var(&cfg.monitorHosts, "monitor-host", "further host `name` under which the monitor is reached; repeatable")
	cfg.tlsFlags(fs)
	fs.StringVar(&cfg.allowTypes, "allow-types", "", "MIME types taken, as in image/*,application/pdf; all if empty")
	fs.BoolVar(&cfg.durable, "durable", false, "fsync file and folder before 226")
	fs.StringVar(&cfg.abuse, "abuse-limits", "on", "on or off: limits per address, bans and login delays; off is for benchmarks and trusted networks")
	fs.IntVar(&cfg.sessions, "max-sessions", 0, "sessions at once; 0 is what the descriptors carry, some kept for transfers")
	fs.IntVar(&cfg.perIP, "max-sessions-per-ip", 256, "sessions at once from one address; 0 is no limit of its own; holds beside -abuse-limits off if it is set")
	cfg.onUpload.flags(fs)
	cfg.lifeFlags(fs)
	return fs
}

func (cfg *config) loginFlags(fs *flag.FlagSet) {
	fs.Var(&cfg.users, "user", "an account, `name:password`; repeatable, the first replaces auser:secret")
	fs.StringVar(&cfg.htpasswd, "htpasswd", "", "`file` of accounts as htpasswd writes it")
	fs.StringVar(&cfg.authURL, "auth-url", "", "`URL` of an identity service that is asked about users not named here; see auth/webhook")
	fs.StringVar(&cfg.authKey, "auth-secret-file", "", "`file` with the secret that signs requests to -auth-url")
}

func (cfg *config) tlsFlags(fs *flag.FlagSet) {
	fs.StringVar(&cfg.tlsCert, "tls-cert", "", "certificate `file`; offers explicit TLS")
	fs.StringVar(&cfg.tlsKey, "tls-key", "", "private key `file` of the certificate")
	fs.StringVar(&cfg.tlsPolicy, "tls-policy", "required", "optional or required: whether plain logins are taken where a certificate is set")
	fs.StringVar(&cfg.tlsAddr, "tls-addr", "", "implicit TLS listener, `host:port`; none if empty")
	fs.BoolVar(&cfg.tlsOld, "tls-old-devices", false, "take TLS 1.0 and 1.1 and CBC suites, for devices that know nothing better")
	fs.StringVar(&cfg.reuse, "data-tls-reuse", "prefer", "prefer, require or off: whether data connections resume their session's TLS")
	cfg.acme.flags(fs)
}

func (cfg *config) lifeFlags(fs *flag.FlagSet) {
	fs.DurationVar(&cfg.idle, "idle-timeout", 5*time.Minute, "how long a session may idle")
	fs.DurationVar(&cfg.drain, "drain-timeout", time.Hour, "how long running transfers may go on after a stop")
	fs.DurationVar(&cfg.grace, "restart-grace", 30*time.Second, "how long a restart leaves idle sessions to the old process; 1s at least")
	fs.DurationVar(&cfg.upgrade, "restart-timeout", time.Minute, "how long a new process may take until it is ready")
	fs.StringVar(&cfg.pidFile, "pid-file", "", "`file` that holds the process ID")
	fs.Var(&levelFlag{&cfg.logLevel}, "log-level", "lowest `level` that is logged: debug, info, warn or error")
	fs.StringVar(&cfg.logFormat, "log-format", "text", "text or json")
	fs.StringVar(&cfg.xferlog, "xferlog", "", "`file` outside -root that gets a line in xferlog's format for every file transferred; opened anew on SIGHUP, or when it has been renamed")
	fs.Var(&cfg.traceUsers, "trace-user", "`name` of a user whose commands and replies are logged, secrets hidden; repeatable")
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
		if !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("-%s is %q: use %s", c.flag, c.value, strings.Join(c.allowed, " or "))
		}
	}
	if cfg.grace < minGrace {
		return fmt.Errorf("-restart-grace is %v: use %v or more", cfg.grace, minGrace)
	}
	if err := probe(&paradise.Server{Policy: paradise.Policy{TLS: paradise.TLSOptional, Gate: cfg.policy().Gate}}); err != nil {
		return fmt.Errorf("-allow-types: %w", err)
	}
	if err := cfg.checkTLS(); err != nil {
		return err
	}
	if cfg.authKey != "" && cfg.authURL == "" {
		return errors.New("-auth-secret-file is set without -auth-url")
	}
	if err := cfg.onUpload.check(cfg.root); err != nil {
		return err
	}
	return outside(cfg.root, "xferlog", cfg.xferlog)
}

// checkTLS refuses what asks for encryption and would go without.
func (cfg *config) checkTLS() error {
	switch {
	case (cfg.tlsCert == "") != (cfg.tlsKey == ""):
		return errors.New("-tls-cert and -tls-key belong together: give both")
	case cfg.tlsAddr != "" && !cfg.hasTLS():
		return errors.New("-tls-addr needs a certificate: give -tls-cert and -tls-key, or -acme-domains")
	case cfg.tlsDemanded && !cfg.hasTLS():
		return errors.New("-tls-policy required needs a certificate: give -tls-cert and -tls-key, or -acme-domains")
	case cfg.reuse == "require" && !cfg.hasTLS():
		return errors.New("-data-tls-reuse require needs a certificate: give -tls-cert and -tls-key, or -acme-domains")
	case cfg.tlsOld && !cfg.hasTLS():
		return errors.New("-tls-old-devices needs a certificate: give -tls-cert and -tls-key, or -acme-domains")
	}
	return cfg.acme.check(cfg.tlsCert)
}

func (cfg *config) hasTLS() bool { return cmp.Or(cfg.tlsCert, cfg.acme.domains) != "" }

// splitList reads a comma-separated list.
func splitList(s string) []string {
	var list []string
	for v := range strings.SplitSeq(s, ",") {
		if v = strings.TrimSpace(v); v != "" {
			list = append(list, v)
		}
	}
	return list
}
