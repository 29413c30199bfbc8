//go:build unix

package clients_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/paradiseftp/paradise"
)

// record is what the server saw of one user since the last reset.
type record struct {
	verbs     map[string]bool // asked for
	tls       map[string]bool // versions at login
	dialogue  []string
	transfers []paradise.TransferEvent
}

// recorder keeps a record per user; a client has a user name of its own.
type recorder struct {
	mu    sync.Mutex
	users map[string]*record
}

func newRecorder() *recorder { return &recorder{users: make(map[string]*record)} }

func (r *recorder) hooks() paradise.Hooks {
	return paradise.Hooks{
		Login:       r.login,
		Before:      r.before,
		TransferEnd: r.transferred,
	}
}

// reset forgets a user's past.
func (r *recorder) reset(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.users, user)
}

func (r *recorder) of(user string) *record {
	rec := r.users[user]
	if rec == nil {
		rec = &record{verbs: map[string]bool{}, tls: map[string]bool{}}
		r.users[user] = rec
	}
	return rec
}

func (r *recorder) login(_ context.Context, e paradise.LoginEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	version := "clear"
	if e.Session.TLS != nil {
		version = tls.VersionName(e.Session.TLS.Version)
	}
	r.of(e.Name).tls[version] = true
}

// before sees a command ahead of its reply, so that a client that has ended has
// been seen whole.
func (r *recorder) before(_ context.Context, s *paradise.Session, verb, arg string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.of(s.User.Name)
	rec.dialogue = append(rec.dialogue, verb+" "+arg)
	rec.verbs[verb] = true
	return nil
}

func (r *recorder) transferred(_ context.Context, e paradise.TransferEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.of(e.Session.User.Name)
	rec.transfers = append(rec.transfers, e)
	rec.dialogue = append(rec.dialogue, fmt.Sprintf("[%s %s: %d bytes, %d, %v]", e.Verb, e.Name, e.Bytes, e.Code, e.Err))
}

// seen copies what is known of a user.
func (r *recorder) seen(user string) record {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.of(user)
	c := record{verbs: map[string]bool{}, tls: map[string]bool{}}
	for k := range rec.verbs {
		c.verbs[k] = true
	}
	for k := range rec.tls {
		c.tls[k] = true
	}
	c.dialogue, c.transfers = slices.Clone(rec.dialogue), slices.Clone(rec.transfers)
	return c
}

// mismatch says how what was seen differs from the cell; empty if it is right.
func (s record) mismatch(c cell) string {
	for _, verb := range []string{"PASV", "EPSV", "PORT", "EPRT"} {
		if used := s.verbs[verb]; used != (verb == string(c.mode)) {
			return fmt.Sprintf("%s used: %v", verb, used)
		}
	}
	if !s.tls[c.tls.version()] || len(s.tls) != 1 {
		return fmt.Sprintf("TLS at login: %v", s.tls)
	}
	if !s.typed(c.typeCode()) {
		return "a file moved under another type than " + c.typeCode()
	}
	return ""
}

// typed reports whether files moved under this type: the last TYPE before a RETR
// or STOR, by the order of the dialogue.
func (s record) typed(want string) bool {
	now := ""
	for _, line := range s.dialogue {
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "TYPE":
			now = strings.ToUpper(rest)[:1]
		case "RETR", "STOR":
			if now != want {
				return false
			}
		}
	}
	return now != ""
}
