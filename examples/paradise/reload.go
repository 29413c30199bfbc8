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

// reloadable are the settings that SIGHUP can change, besides accounts. The others need a
// restart (SIGUSR2), which loses no connection.
var reloadable = []string{"user", "htpasswd", "auth-url", "auth-secret-file", "allow-types", "tls-policy",
	"data-tls-reuse", "default-type", "allow-unclosed-tls", "allow-lost-control", "lost-control-wait",
	"log-level", "trace-user", "restart-grace", "drain-timeout"}

// reload reads again everything that may change while sessions run. If it fails, nothing
// has changed.
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

// readableAgain refuses pipes and other special files. Their content can be read only
// once, and a second read might block forever.
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

// follows returns an error if the settings are valid but must not replace the old ones,
// because the file looks as if it had lost its end.
func (cfg *config) follows(old *config) error {
	if old.namesAccounts() && !cfg.namesAccounts() {
		return errNoAccount
	}
	if err := cut(old.text, cfg.text); err != nil {
		return fmt.Errorf("%s: %w", cfg.configFile, err)
	}
	return nil
}

// lost returns the reason why a successor must not use the current file of -config, or "".
// It only compares the file with the settings in force, which the successor does not know;
// the successor finds all other faults itself.
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

// cut returns an error if text is the old text without its end. Whole tables may be
// missing, because that is how people remove the last account. But if a table has lost its
// last lines, an account would get more rights than it had.
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

// keyOf returns the key of a line, without the value, which may be a secret.
func keyOf(line string) string {
	key, _, _ := strings.Cut(line, "=")
	return strings.TrimSpace(key)
}

// keep sets cfg's settings that need a restart back to those in force, and logs which of
// them differ.
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

// reloads reports whether a setting may change in this process. A server that was started
// with reuse off never issues tickets, so with reuse required it would refuse every data
// connection.
func (s *service) reloads(f *flag.Flag) bool {
	if f.Name == "data-tls-reuse" && f.Value.String() == "require" && s.srv.Policy.DataTLSReuse == paradise.ReuseOff {
		return false
	}
	return slices.Contains(reloadable, f.Name)
}
