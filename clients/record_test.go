//go:build unix

package clients_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/paradiseftp/paradise"
)

// recorder records what the server sees, by session. Each client has its own user name, so
// that its sessions can be identified.
type recorder struct {
	mu       sync.Mutex
	sessions map[uint64]*dialogue
}

// dialogue is one session.
type dialogue struct {
	id        uint64
	user      string
	tls       string // at login
	lines     []string
	transfers []paradise.TransferEvent
}

// record has the sessions of one user since the last reset, in order.
type record []dialogue

func newRecorder() *recorder {
	return &recorder{sessions: map[uint64]*dialogue{}}
}

func (r *recorder) hooks() paradise.Hooks {
	return paradise.Hooks{Login: r.login, Before: r.before, TransferEnd: r.transferred}
}

// reset removes the record of a user.
func (r *recorder) reset(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, d := range r.sessions {
		if d.user == user {
			delete(r.sessions, id)
		}
	}
}

func (r *recorder) of(id uint64) *dialogue {
	d := r.sessions[id]
	if d == nil {
		d = &dialogue{id: id}
		r.sessions[id] = d
	}
	return d
}

func (r *recorder) login(_ context.Context, e paradise.LoginEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.of(e.Session.ID)
	d.user, d.tls = e.Name, "clear"
	if e.Session.TLS != nil {
		d.tls = tls.VersionName(e.Session.TLS.Version)
	}
}

// before records a command before its reply is sent, so that all commands of a client are
// recorded when it has ended.
func (r *recorder) before(_ context.Context, s *paradise.Session, verb, arg string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.of(s.ID)
	d.lines = append(d.lines, verb+" "+arg)
	return nil
}

func (r *recorder) transferred(_ context.Context, e paradise.TransferEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.of(e.Session.ID)
	d.transfers = append(d.transfers, e)
	d.lines = append(d.lines, fmt.Sprintf("[%s %s: %d bytes, %d, %v]", e.Verb, e.Name, e.Bytes, e.Code, e.Err))
}

// seen returns a copy of a user's record.
func (r *recorder) seen(user string) record {
	r.mu.Lock()
	defer r.mu.Unlock()
	var rec record
	for _, d := range r.sessions {
		if d.user == user {
			c := *d
			c.lines, c.transfers = slices.Clone(d.lines), slices.Clone(d.transfers)
			rec = append(rec, c)
		}
	}
	slices.SortFunc(rec, func(a, b dialogue) int { return cmp.Compare(a.id, b.id) })
	return rec
}

// String returns a text that helps people to find the cause of a failure.
func (s record) String() string {
	var b strings.Builder
	b.WriteString("the server saw:\n")
	for _, d := range s {
		fmt.Fprintf(&b, "session %d, %s\n\t%s\n", d.id, d.tls, strings.Join(d.lines, "\n\t"))
	}
	return b.String()
}

// said reports whether a command with this verb came.
func (s record) said(verb string) bool {
	for _, d := range s {
		for _, line := range d.lines {
			if strings.HasPrefix(line, verb+" ") {
				return true
			}
		}
	}
	return false
}

// transfers returns all transfers, in the order of sessions.
func (s record) transfers() []paradise.TransferEvent {
	var all []paradise.TransferEvent
	for _, d := range s {
		all = append(all, d.transfers...)
	}
	return all
}

// mismatch says how the record differs from the cell, or returns "". It does not check that
// data connections were private, because the policy requires it.
func (s record) mismatch(c cell) string {
	for _, verb := range []string{"PASV", "EPSV", "PORT", "EPRT"} {
		if used := s.said(verb); used != (verb == string(c.mode)) {
			return fmt.Sprintf("%s used: %v", verb, used)
		}
	}
	if len(s) == 0 {
		return "nobody logged in"
	}
	for _, d := range s {
		if d.tls != c.tls.version() {
			return "TLS at login: " + d.tls
		}
		if kind, ok := d.typed(c.typeCode()); !ok {
			return fmt.Sprintf("a file moved under TYPE %q", kind)
		}
	}
	return ""
}

// typed reports whether a TYPE came before each of these.
func (s record) typed(verb string) bool {
	for _, d := range s {
		typed := false
		for _, line := range d.lines {
			typed = typed || strings.HasPrefix(line, "TYPE ")
			if strings.HasPrefix(line, verb+" ") && !typed {
				return false
			}
		}
	}
	return true
}

// typed reports whether all files were transferred with this type; if not, it returns the
// type of one that was not.
func (d dialogue) typed(want string) (string, bool) {
	now := ""
	for _, line := range d.lines {
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "TYPE":
			now = strings.ToUpper(rest)[:1]
		case "RETR", "STOR":
			if now != want {
				return now, false
			}
		}
	}
	return now, true
}
