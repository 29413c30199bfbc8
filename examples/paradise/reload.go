package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/paradiseftp/paradise"
)

// reloadable are the settings that SIGHUP changes; accounts are too. The others
// need a restart (SIGUSR2), which costs no connection.
var reloadable = []string{"user", "htpasswd", "auth-url", "auth-secret-file", "allow-types", "tls-policy",
	"data-tls-reuse", "default-type", "allow-unclosed-tls", "allow-lost-control", "lost-control-wait",
	"log-level", "trace-user", "restart-grace", "drain-timeout"}

// reload reads everything again that may change while sessions go on. An error
// leaves all as it was.
func (s *service) reload() error {
	if err := s.cfg.readableAgain(); err != nil {
		return err
	}
	cfg, err := parseFlags(s.args, io.Discard)
	if err != nil {
		return err
	}
	if err := cfg.follows(s.cfg); err != nil {
		return err
	}
	s.keep(cfg)
	dir, err := newDirectory(cfg, s.files, cfg.policy())
	if err != nil {
		return err
	}
	if err := s.xfers.reopen(); err != nil {
		return err
	}
	if s.certs != nil {
		if err := s.certs.load(); err != nil {
			return err
		}
	}
	s.users.current.Store(dir)
	s.level.Set(cfg.logLevel)
	s.mu.Lock()
	s.cfg = cfg
	s.mu.Unlock()
	cfg.noteAccounts()
	s.warn(dir)
	s.log.Info("configuration loaded", "accounts", len(dir.accounts))
	return nil
}

// readableAgain refuses pipes and the like, whose text was read once and for all:
// reading one might wait for ever.
func (cfg *config) readableAgain() error {
	files := cfg.files()
	for _, flag := range []string{"config", "htpasswd", "auth-secret-file"} {
		name := files[flag]
		if name == "" {
			continue
		}
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("-%s: %s is no file that can be read again: name a regular one", flag, name)
		}
	}
	return nil
}

// follows reports why settings cannot take the place of the old ones although
// each is right by itself: they look like a file that lost its end.
func (cfg *config) follows(old *config) error {
	if old.namesAccounts() && !cfg.namesAccounts() {
		return errNoAccount
	}
	if err := cut(old.text, cfg.text); err != nil {
		return fmt.Errorf("%s: %w", cfg.configFile, err)
	}
	return nil
}

// lost is why a successor must not use the file of -config as it is now: what this
// process has in force the successor does not know. Any other fault it sees itself.
func (s *service) lost() string {
	s.mu.Lock()
	cfg := s.cfg
	s.mu.Unlock()
	if cfg.configFile == "" || cfg.readableAgain() != nil {
		return ""
	}
	text, err := os.ReadFile(cfg.configFile)
	if err != nil {
		return ""
	}
	if err := cut(cfg.text, strings.TrimPrefix(string(text), byteOrderMark)); err != nil {
		return fmt.Sprintf("%s: %v", cfg.configFile, err)
	}
	return ""
}

// cut reports whether a text is an old one without its end. Whole tables may go:
// that is how one takes the last account away. A table that lost its last lines
// would leave an account with more rights than it had.
func cut(old, text string) error {
	if old == "" || text == old {
		return nil
	}
	if err := ended(text); err != nil && ended(old) == nil {
		return err
	}
	lost, shorter := strings.CutPrefix(old, text)
	if !shorter {
		return nil
	}
	for line := range strings.Lines(lost) {
		switch line = strings.TrimSpace(line); {
		case line == "", strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			return nil
		default:
			return fmt.Errorf("the file lost its last lines, from %q on, as if it had been cut: if that is meant, end it with a comment", keyOf(line))
		}
	}
	return nil
}

// keyOf is the key of a line, whose value may be a secret.
func keyOf(line string) string {
	key, _, _ := strings.Cut(line, "=")
	return strings.TrimSpace(key)
}

// keep gives cfg the settings in force for all that needs a restart, and says
// which those are.
func (s *service) keep(cfg *config) {
	cfg.set.VisitAll(func(f *flag.Flag) {
		inForce := s.cfg.set.Lookup(f.Name).Value.String()
		if s.reloads(f) || f.Value.String() == inForce {
			return
		}
		s.log.Warn("setting needs a restart: send SIGUSR2", "setting", f.Name)
		if _, adds := f.Value.(repeatable); !adds {
			f.Value.Set(inForce)
		}
	})
}

// reloads reports whether a setting may change in this process. A server that was
// made with reuse off never issues tickets: with reuse required it would refuse
// every data connection.
func (s *service) reloads(f *flag.Flag) bool {
	if f.Name == "data-tls-reuse" && f.Value.String() == "require" && s.srv.Policy.DataTLSReuse == paradise.ReuseOff {
		return false
	}
	return slices.Contains(reloadable, f.Name)
}
