package main

import (
	"cmp"
	"crypto/fips140"
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

// config holds the settings of the flags and of the file.
type config struct {
	set *flag.FlagSet // the flags that the settings were read with

	configFile  string
	checkOnly   bool
	printConfig bool
	text        string // content of the file

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
	monitorKey   string // file that holds the token
	ownHomes     bool
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
	lostWait   time.Duration
	peerCheck  string
	drain      time.Duration
	grace      time.Duration
	upgrade    time.Duration
	pidFile    string
	logLevel   slog.Level
	logFormat  string
	traceUsers listFlag
	xferlog    string

	tlsDemanded bool // -tls-policy required was given, and is not just the default
	onUpload    onUpload
	clients     concessions
}

// commandNames are the subcommands.
const commandNames = "who, top, healthcheck or hash-password"

// parseFlags reads the flags, and the file that -config names. Flags override the file.
func parseFlags(args []string, out io.Writer) (*config, error) {
	cfg := &config{}
	fs := cfg.flags(io.Discard)
	cfg.set = fs
	if err := parse(fs, args, out,
		"Usage: paradise [flags], or a command with flags of its own: "+commandNames); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, noCommand(fs.Arg(0))
	}
	if err := checkGiven(fs); err != nil {
		return nil, err
	}
	if cfg.configFile != "" {
		if err := cfg.readFile(fs, cfg.configFile); err != nil {
			return nil, err
		}
	}
	cfg.tlsDemanded = cfg.given("tls-policy") && cfg.tlsPolicy == "required"
	if !cfg.namesAccounts() {
		cfg.users.accounts = defaultAccount()
	}
	return cfg, cfg.check()
}

// noCommand is the error for a word that is neither a flag nor a command.
func noCommand(word string) error {
	if slices.Contains([]string{"true", "false", "on", "off", "yes", "no"}, word) {
		return fmt.Errorf("%q belongs to no flag: one that is on or off takes its value behind =, as in -durable=false", word)
	}
	return fmt.Errorf("unknown command %q: use %s", word, commandNames)
}

// flags defines the flags; each is a key of the configuration file as well.
func (cfg *config) flags(out io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet("paradise", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.StringVar(&cfg.configFile, "config", "", "TOML `file` with any of these settings, and accounts")
	fs.BoolVar(&cfg.checkOnly, "check", false, "check the configuration and exit")
	fs.BoolVar(&cfg.printConfig, "print-config", false,
		"print the settings in force as a configuration file, without secrets, and exit")
	addrVar(fs, &cfg.addr, "addr", "127.0.0.1:2121", "control listener, `host:port`")
	fs.StringVar(&cfg.root, "root", "./paradise-data", "`folder` that is served; made if missing")
	cfg.loginFlags(fs)
	fs.Var(&cfg.passive, "passive-ports", "`min-max` of the ports for data connections; any free port if empty")
	fs.TextVar(&cfg.publicIP, "public-ip", netip.Addr{}, "`IP` that PASV announces; the control connection's own if empty")
	choiceVar(fs, &cfg.peerCheck, "peer-check", "same", "same, subnet or any: from which address a passive data connection "+
		"may come, seen from its control connection's; subnet is its /24, or /64 of IPv6", "same", "subnet", "any")
	addrVar(fs, &cfg.monitor, "monitor", "127.0.0.1:5010", "`host:port` of the monitor page; empty turns it off")
	fs.StringVar(&cfg.monitorToken, "monitor-token", "",
		"`token`, 16 characters or more, for the monitor's actions and for reading it from other machines")
	fs.StringVar(&cfg.monitorKey, "monitor-token-file", "",
		"`file` that holds the token, which others then do not see among the processes")
	fs.Var(&cfg.monitorHosts, "monitor-host", "further host `name` under which the monitor is reached; repeatable")
	cfg.tlsFlags(fs)
	cfg.clients.flags(fs)
	fs.StringVar(&cfg.allowTypes, "allow-types", "",
		"comma-separated MIME `types` taken, as in image/*,application/pdf; all without it")
	fs.BoolVar(&cfg.durable, "durable", false, "fsync file and folder before 226")
	choiceVar(fs, &cfg.abuse, "abuse-limits", "on",
		"on or off: limits per address, bans and login delays; off is for benchmarks and trusted networks", "on", "off")
	fs.IntVar(&cfg.sessions, "max-sessions", 0,
		"`number` of sessions at once; 0 is what the descriptors carry, some kept for transfers")
	fs.IntVar(&cfg.perIP, "max-sessions-per-ip", 256, "`number` of sessions at once from one address; "+
		"0 is no limit of its own; holds beside -abuse-limits off if it is set")
	cfg.onUpload.flags(fs)
	cfg.lifeFlags(fs)
	explain(fs)
	return fs
}

func (cfg *config) loginFlags(fs *flag.FlagSet) {
	fs.Var(&cfg.users, "user", "an account, `name:password`; repeatable, the first replaces auser:secret")
	fs.StringVar(&cfg.htpasswd, "htpasswd", "", "`file` of accounts as htpasswd writes it")
	fs.BoolVar(&cfg.ownHomes, "own-homes", false, "give each user of whom no home is known the folder of that name below -root, "+
		"as their whole world; it is made if missing")
	fs.StringVar(&cfg.authURL, "auth-url", "",
		"`URL` of an identity service that is asked about users not named here; see auth/webhook")
	fs.StringVar(&cfg.authKey, "auth-secret-file", "", "`file` with the secret that signs requests to -auth-url")
}

func (cfg *config) tlsFlags(fs *flag.FlagSet) {
	fs.StringVar(&cfg.tlsCert, "tls-cert", "", "certificate `file`; offers explicit TLS")
	fs.StringVar(&cfg.tlsKey, "tls-key", "", "private key `file` of the certificate")
	choiceVar(fs, &cfg.tlsPolicy, "tls-policy", "required",
		"optional or required: whether plain logins are taken where a certificate is set", "optional", "required")
	addrVar(fs, &cfg.tlsAddr, "tls-addr", "", "implicit TLS listener, `host:port`; none if empty")
	fs.BoolVar(&cfg.tlsOld, "tls-old-devices", false,
		"take TLS 1.0 and 1.1 and CBC suites, for devices that know nothing better")
	choiceVar(fs, &cfg.reuse, "data-tls-reuse", "prefer",
		"prefer, require or off: whether data connections resume their session's TLS", "prefer", "require", "off")
	cfg.acme.flags(fs)
}

func (cfg *config) lifeFlags(fs *flag.FlagSet) {
	fs.DurationVar(&cfg.idle, "idle-timeout", 5*time.Minute, "`time` that a session may idle")
	fs.DurationVar(&cfg.lostWait, "lost-control-wait", 30*time.Millisecond,
		"`time` that the end of an upload in the clear waits for a sign that its client was killed; 0s is none")
	fs.DurationVar(&cfg.drain, "drain-timeout", time.Hour, "`time` that running transfers may go on after a stop")
	fs.DurationVar(&cfg.grace, "restart-grace", 30*time.Second,
		"`time` that a restart leaves idle sessions to the old process; 1s at least")
	fs.DurationVar(&cfg.upgrade, "restart-timeout", time.Minute, "`time` that a new process may take until it is ready")
	fs.StringVar(&cfg.pidFile, "pid-file", "", "`file` that holds the process ID")
	fs.Var(&levelFlag{&cfg.logLevel}, "log-level", "lowest `level` that is logged: debug, info, warn or error")
	choiceVar(fs, &cfg.logFormat, "log-format", "text", "text or json", "text", "json")
	fs.StringVar(&cfg.xferlog, "xferlog", "", "`file` outside -root that gets a line in xferlog's format for every file transferred; "+
		"opened anew on SIGHUP, or when it has been renamed")
	fs.Var(&cfg.traceUsers, "trace-user",
		"`name` of a user whose commands and replies are logged, secrets hidden; repeatable")
}

func (cfg *config) check() error {
	switch ip := cfg.publicIP; {
	case cfg.grace < minGrace:
		return fmt.Errorf("-restart-grace is %v: use %v or more", cfg.grace, minGrace)
	case cfg.idle == 0:
		return errors.New("-idle-timeout is 0: nobody could log in; use 1s or more")
	case cfg.upgrade == 0:
		return errors.New("-restart-timeout is 0: no restart could succeed; use 1s or more")
	case ip.IsValid() && (!ip.Unmap().Is4() || ip.IsUnspecified() || ip.IsMulticast()):
		return fmt.Errorf("-public-ip is %v: write the IPv4 address that clients connect to; PASV can announce no other kind",
			ip)
	}
	if err := probe(&paradise.Server{Policy: paradise.Policy{TLS: paradise.TLSOptional,
		Gate: cfg.policy().Gate}}); err != nil {
		return fmt.Errorf("-allow-types: %w", err)
	}
	if err := cfg.checkTLS(); err != nil {
		return err
	}
	if err := cfg.checkContradictions(); err != nil {
		return err
	}
	if err := cfg.checkPlaces(); err != nil {
		return err
	}
	return cfg.checkListeners()
}

// checkTLS refuses settings that need a certificate if there is none, and those that
// contradict each other.
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
	case cfg.clients.unclosedTLS && !cfg.hasTLS():
		return errors.New("-allow-unclosed-tls needs a certificate: give -tls-cert and -tls-key, or -acme-domains")
	case cfg.tlsOld && !cfg.hasTLS():
		return errors.New("-tls-old-devices needs a certificate: give -tls-cert and -tls-key, or -acme-domains")
	}
	if cfg.tlsOld && fips140.Enabled() {
		return errors.New("-tls-old-devices asks for what FIPS 140 forbids: leave it out, or do not run with GODEBUG=fips140")
	}
	return cfg.acme.check(cfg.tlsCert)
}

func (cfg *config) hasTLS() bool { return cmp.Or(cfg.tlsCert, cfg.acme.domains) != "" }

// splitList splits a comma-separated list.
func splitList(s string) []string {
	var list []string
	for v := range strings.SplitSeq(s, ",") {
		if v = strings.TrimSpace(v); v != "" {
			list = append(list, v)
		}
	}
	return list
}
