package paradise

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
)

// Errors that an [AuthDriver] returns to steer a login. Any other error is not
// about the login but about the service behind it: the client gets 421 and may
// come again. A [*ReplyError] chooses the text; with a Code of 500 or more it refuses
// this login for good (530). Neither counts towards a ban of the address.
var (
	// ErrBadCredentials refuses the login (530). It never says whether the
	// user exists.
	ErrBadCredentials = errors.New("paradise: bad credentials")
	// ErrNeedPassword asks for the password (331), where a certificate alone
	// is not enough.
	ErrNeedPassword = errors.New("paradise: password needed")
	// ErrNeedAccount asks for an account (332, RFC 959, 4.1.1).
	ErrNeedAccount = errors.New("paradise: account needed")
)

// AuthDriver decides who may log in. It is asked at PASS and at ACCT, and at
// USER too when the client showed a verified certificate. It is called from
// many goroutines at once.
//
// (nil, nil) refuses. Compare secrets in constant time, and spend as long on a
// user that does not exist as on one that does; the core evens out the rest. After
// Timeouts.Driver the ctx ends, and the session soon after. On Linux it also ends
// when the client has gone.
//
// Of one address Limits.LoginsAtOnce logins are asked about at once. A driver that
// hashes should bound what it does for all addresses together.
type AuthDriver interface {
	Authenticate(ctx context.Context, s *Session, c Credentials) (*User, error)
}

// AuthFunc is a function as an [AuthDriver].
type AuthFunc func(ctx context.Context, s *Session, c Credentials) (*User, error)

// Authenticate calls f.
func (f AuthFunc) Authenticate(ctx context.Context, s *Session, c Credentials) (*User, error) {
	return f(ctx, s, c)
}

// Credentials are what a client said about itself. Printing or logging them
// hides the secrets.
type Credentials struct {
	User        string
	Password    string
	Account     string // from ACCT; empty if none was given
	HasPassword bool   // false when asked at USER
}

// String names the user only.
func (c Credentials) String() string { return "user " + c.User }

// GoString is String, so that %#v hides the secrets too.
func (c Credentials) GoString() string { return c.String() }

// LogValue names the user only.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.User) }

// User is who logged in.
type User struct {
	Name   string     // shown and logged; empty: the name the client gave
	Home   string     // first folder; empty: "/"
	Files  FileDriver // nil: that of the host or server; owned by the host program, shared, never closed here
	Policy *Policy    // nil: Session.Policy; else it replaces it whole: start from a copy of Session.Policy
	Value  any        // the host program's own
}

// Accounts is an [AuthDriver] for a fixed set of names and passwords. It
// compares in constant time, and takes as long for a name it does not know.
type Accounts map[string]string

// Authenticate implements [AuthDriver].
func (a Accounts) Authenticate(_ context.Context, _ *Session, c Credentials) (*User, error) {
	if !c.HasPassword {
		return nil, ErrNeedPassword
	}
	want, known := a[c.User]
	w, g := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(c.Password))
	if subtle.ConstantTimeCompare(w[:], g[:]) != 1 || !known {
		return nil, ErrBadCredentials
	}
	return &User{Name: c.User}, nil
}
