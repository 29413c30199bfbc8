package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/paradiseftp/paradise"
)

// account is a user in the configuration file. A field that is zero is as for all users.
type account struct {
	Password     *hash           `toml:"password"`                // a hash, as "paradise hash-password" prints it
	Home         string          `toml:"home,omitempty"`          // folder that is the user's whole world, below -root unless absolute; made if missing
	Start        string          `toml:"start,omitempty"`         // first folder inside it, as the user sees it; it confines nothing
	Deny         []paradise.Perm `toml:"deny,omitempty"`          // the words of paradise.ParsePerm
	TLS          tlsRule         `toml:"tls,omitempty"`           // optional, login or required
	MaxFileSize  int64           `toml:"max-file-size,omitempty"` // bytes
	MaxSessions  int             `toml:"max-sessions,omitempty"`
	UploadRate   int64           `toml:"upload-rate,omitempty"`   // bytes per second
	DownloadRate int64           `toml:"download-rate,omitempty"` // bytes per second
	AllowTypes   []string        `toml:"allow-types,omitempty"`
	DenyTypes    []string        `toml:"deny-types,omitempty"`
	RefuseEmpty  bool            `toml:"refuse-empty,omitempty"`
	MatchNames   bool            `toml:"match-extension,omitempty"`
	Names        []string        `toml:"names,omitempty"`
	DenyNames    []string        `toml:"deny-names,omitempty"`
	Device       deviceProfile   `toml:"device,omitempty"`
	Trace        bool            `toml:"trace,omitempty"`
	LostWait     *wait           `toml:"lost-control-wait,omitempty"`

	ownConcessions
	files paradise.FileDriver
	mend  func()         // creates the home again if it is missing; nil: there is no home to create
	user  *paradise.User // the user of every login
}

// wait is a time of zero or more, as in "250ms".
type wait time.Duration

func (w *wait) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return timeWanted(string(text))
	}
	if err := errLongWait(d); err != nil {
		return err
	}
	*w = wait(d)
	return nil
}

func (w wait) MarshalText() ([]byte, error) { return []byte(time.Duration(w).String()), nil }

// tlsRule says where encryption is needed. Empty: as for all users.
type tlsRule string

func (r *tlsRule) UnmarshalText(text []byte) error {
	if _, ok := tlsRules[tlsRule(text)]; !ok {
		return fmt.Errorf("%q: use optional, login or required", text)
	}
	*r = tlsRule(text)
	return nil
}

var tlsRules = map[tlsRule]paradise.TLSRule{
	"optional": paradise.TLSOptional,
	"login":    paradise.TLSLogin,
	"required": paradise.TLSRequired,
}

// deviceProfile is paradise.DeviceProfile with the names of the file.
type deviceProfile struct {
	MkdExistingOK  bool `toml:"mkd-existing-ok,omitempty"`
	MakeParents    bool `toml:"make-parents,omitempty"`
	Backslash      bool `toml:"backslash,omitempty"`
	RenameUploads  bool `toml:"rename-uploads,omitempty"`
	QuietSite      bool `toml:"quiet-site,omitempty"`
	NLSTNamesOnly  bool `toml:"nlst-names-only,omitempty"`
	NLSTNoMatch550 bool `toml:"nlst-no-match-550,omitempty"`
	SizeInASCII    bool `toml:"size-in-ascii,omitempty"`
	AnyActivePeer  bool `toml:"any-active-peer,omitempty"`
}

// policy returns base with the changes of the account.
func (a *account) policy(base paradise.Policy) paradise.Policy {
	p := base
	for _, d := range a.Deny {
		p.Deny |= d
	}
	if rule, ok := tlsRules[a.TLS]; ok {
		p.TLS = rule
	}
	p.MaxFileSize = cmp.Or(a.MaxFileSize, p.MaxFileSize)
	p.MaxSessions = cmp.Or(a.MaxSessions, p.MaxSessions)
	p.UploadRate = cmp.Or(a.UploadRate, p.UploadRate)
	p.DownloadRate = cmp.Or(a.DownloadRate, p.DownloadRate)
	if a.AllowTypes != nil {
		p.Gate.Allow = a.AllowTypes
	}
	p.Gate.Deny = slices.Concat(p.Gate.Deny, a.DenyTypes)
	p.Gate.RefuseEmpty = p.Gate.RefuseEmpty || a.RefuseEmpty
	p.Gate.MatchExtension = p.Gate.MatchExtension || a.MatchNames
	p.Gate.Names = slices.Concat(p.Gate.Names, a.Names)
	p.Gate.DenyNames = slices.Concat(p.Gate.DenyNames, a.DenyNames)
	a.ownConcessions.apply(&p)
	p.Device = paradise.DeviceProfile(a.Device)
	p.Trace = p.Trace || a.Trace
	if a.LostWait != nil {
		p.LostControlWait = policyWait(time.Duration(*a.LostWait))
	}
	return p
}

// print writes the account in the format of the file. In place of the password it writes
// a comment, above the tables inside the account, where a password can be added.
func (a *account) print(w io.Writer, name string) error {
	shown := *a
	shown.Password = nil
	b, err := toml.Marshal(map[string]map[string]account{"accounts": {name: shown}})
	if err != nil {
		return err
	}
	head, rest, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(string(b), "[accounts]\n")), "\n")
	_, err = fmt.Fprintf(w, "\n  %s\n    # password is not shown\n%s\n", head, rest)
	return err
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// directory knows the users who may log in, as one state of the configuration describes
// them. It never changes; a reload creates another one.
type directory struct {
	accounts map[string]*account
	dummy    *hash // verified for unknown names, so that they take as long as known ones
	hashing  *hashing
	policy   paradise.Policy
	trace    []string
	traces   bool                // some user is traced
	service  paradise.AuthDriver // asked about names that are not in accounts; nil: none
}

// logins is the AuthDriver. A reload replaces its directory.
type logins struct{ current atomic.Pointer[directory] }

// Authenticate implements [paradise.AuthDriver].
func (l *logins) Authenticate(
	ctx context.Context, s *paradise.Session, c paradise.Credentials,
) (*paradise.User, error) {
	return l.current.Load().authenticate(ctx, s, c)
}

func (d *directory) authenticate(
	ctx context.Context, s *paradise.Session, c paradise.Credentials,
) (*paradise.User, error) {
	if !c.HasPassword {
		return nil, paradise.ErrNeedPassword
	}
	a, known := d.accounts[c.User]
	if !known && d.service != nil {
		u, err := d.service.Authenticate(ctx, s, c)
		return d.traced(u, s), err
	}
	if !known {
		a = &account{Password: d.dummy}
	}
	right, err := d.hashing.verify(ctx, s.Remote.Addr(), a.Password, c.Password)
	switch {
	case err != nil:
		return nil, err
	case !right || !known:
		return nil, paradise.ErrBadCredentials
	}
	if a.mend != nil {
		a.mend()
	}
	return a.user, nil
}

// traced switches on tracing for a user of the identity service that -trace-user names.
func (d *directory) traced(u *paradise.User, s *paradise.Session) *paradise.User {
	if u == nil || !slices.Contains(d.trace, u.Name) {
		return u
	}
	p := s.Policy
	if u.Policy != nil {
		p = *u.Policy
	}
	p.Trace = true
	traced := *u
	traced.Policy = &p
	return &traced
}

// newDirectory returns the directory that the configuration describes.
func newDirectory(cfg *config, h *homes, policy paradise.Policy) (*directory, error) {
	d := &directory{
		accounts: make(map[string]*account),
		hashing:  newHashing(runtime.GOMAXPROCS(0)),
		policy:   policy,
		trace:    cfg.traceUsers,
		traces:   len(cfg.traceUsers) > 0,
	}
	for name, password := range cfg.users.accounts {
		d.accounts[name] = &account{Password: plainHash(password)}
	}
	listed, err := readHtpasswd(cfg.htpasswd)
	if err != nil {
		return nil, fmt.Errorf("-htpasswd: %w", err)
	}
	for name, p := range listed {
		if d.accounts[name] != nil {
			return nil, errTwice(name, "-user", "-htpasswd")
		}
		d.accounts[name] = &account{Password: p}
	}
	for name, a := range cfg.accounts {
		switch {
		case listed[name] != nil:
			return nil, errTwice(name, "-htpasswd", "[accounts]")
		case d.accounts[name] != nil:
			return nil, errTwice(name, "-user", "[accounts]")
		}
		err := a.contradicts(cfg)
		if err == nil {
			err = d.add(name, a, h)
		}
		if err != nil {
			return nil, fmt.Errorf("account %q: %w", name, err)
		}
	}
	for name, a := range d.accounts {
		if err := h.fits(name, a); err != nil {
			return nil, err
		}
		a.user = d.user(name, a)
		d.traces = d.traces || a.user.Policy.Trace
	}
	d.dummy = commonHash(d.accounts)
	d.service, err = cfg.identityService()
	return d, err
}

// errTwice is for an account with two passwords, of which one would be void.
func errTwice(name, here, there string) error {
	return fmt.Errorf("account %q is named by %s and by %s, with a password each: use one of them", name, here, there)
}

// user is made once: all sessions of an account share it.
func (d *directory) user(name string, a *account) *paradise.User {
	p := a.policy(d.policy)
	p.Trace = p.Trace || slices.Contains(d.trace, name)
	return &paradise.User{Name: name, Home: a.Start, Files: a.files, Policy: &p}
}

// tracing reports whether lines below the log's level may be logged, for some user.
func (l *logins) tracing() bool {
	d := l.current.Load()
	return d != nil && d.traces
}

func (d *directory) add(name string, a *account, h *homes) error {
	if a.Password == nil {
		return errors.New("has no password: add a line password = \"...\" with what \"paradise hash-password\" prints")
	}
	p := a.policy(d.policy)
	if err := probe(&paradise.Server{Policy: paradise.Policy{TLS: paradise.TLSOptional, Gate: p.Gate}}); err != nil {
		return err
	}
	own := *a
	if a.Home != "" {
		files, err := h.driver(a.Home)
		if err != nil {
			return err
		}
		own.files, own.mend = files, func() { h.mend(a.Home) }
	}
	d.accounts[name] = &own
	return nil
}
