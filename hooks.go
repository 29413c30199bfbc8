package paradise

import (
	"context"
	"time"
)

// Hooks are optional functions called at fixed points of a session; nil ones
// are skipped. They run on the session's own goroutine (transfers: on the
// transfer's), so a slow hook slows its own session and no other, and one that does
// not return keeps it: no timeout bounds hooks, and Kick does not free its session.
// Stats never waits for a hook, Shutdown as long as its ctx lasts, Close seven seconds
// at most; package events calls hooks off that path. A panic is caught and logged; in
// Connect and Before it refuses.
type Hooks struct {
	// Connect is called before the greeting; an error refuses the client with
	// 421, or closes it silently if it is still in a TLS handshake.
	Connect func(ctx context.Context, s *Session) error

	// Login is called after every login that was tried.
	Login func(ctx context.Context, e LoginEvent)

	// Before is called when a command is about to run, its needs met. An error
	// refuses it; a *ReplyError chooses the reply, 550 otherwise. Arguments of
	// PASS and ACCT are hidden.
	Before func(ctx context.Context, s *Session, verb, arg string) error

	// After is called with the reply that ended a command.
	After func(ctx context.Context, s *Session, verb, arg string, code int)

	// TransferStart is called when a transfer has its data connection.
	TransferStart func(ctx context.Context, e TransferEvent)

	// TransferEnd is called once for every transfer that the client asked for and
	// could have had by its permissions, just before the client gets the final
	// reply; without a TransferStart before it if it failed before its data
	// connection was there (Begun is false then).
	TransferEnd func(ctx context.Context, e TransferEvent)

	// Change is called after a file was removed, renamed, copied or changed,
	// or a folder made or removed.
	Change func(ctx context.Context, e ChangeEvent)

	// Disconnect is called once per session that was admitted.
	Disconnect func(ctx context.Context, s *Session)
}

// LoginEvent is a login that was tried.
type LoginEvent struct {
	Session *Session // as it is afterwards
	Name    string   // the user name given
	Err     error    // nil: logged in
}

// TransferEvent describes a transfer. In TransferStart the results are zero,
// but Begun.
type TransferEvent struct {
	Session     *Session
	Verb        string // STOR, APPE, STOU, RETR, LIST, NLST, MLSD
	Name        string // virtual path
	Upload      bool
	Offset      int64
	ContentType string // of an upload
	Bytes       int64  // on the wire
	Stored      int64  // written to the driver or read from it
	Digests     map[Digest]string
	Begun       bool // the data connection was there
	Started     time.Time
	Duration    time.Duration
	Code        int   // of the final reply
	Err         error // why it failed; nil if it ended well
	Committed   bool  // an upload's Commit returned nil
}

// ChangeEvent describes a change other than an upload.
type ChangeEvent struct {
	Session *Session
	Verb    string // DELE, RNTO, MKD, RMD, SITE CHMOD and so on
	Name    string
	From    string // of RNTO and copies
}
