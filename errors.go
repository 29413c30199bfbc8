package paradise

import (
	"errors"
	"fmt"
)

// Errors that drivers return to choose a reply; fs.ErrNotExist, fs.ErrExist,
// fs.ErrPermission and errors.ErrUnsupported count too. Wrapping keeps their
// meaning. Any other error is answered with 451.
var (
	ErrNotDir         = errors.New("paradise: not a directory")         // 550
	ErrIsDir          = errors.New("paradise: is a directory")          // 550
	ErrNotEmpty       = errors.New("paradise: directory not empty")     // 550
	ErrBadOffset      = errors.New("paradise: offset beyond the end")   // 550
	ErrBusy           = errors.New("paradise: file busy")               // 450
	ErrNoSpace        = errors.New("paradise: no space left")           // 452
	ErrQuota          = errors.New("paradise: quota exceeded")          // 552
	ErrBadName        = errors.New("paradise: file name not allowed")   // 553
	ErrTooLarge       = errors.New("paradise: file too large")          // 552
	ErrBadType        = errors.New("paradise: content type not taken")  // 550
	ErrDigestMismatch = errors.New("paradise: content is not as asked") // 550

	// ErrUnknownOutcome is returned by Commit, Rename or Copy when the storage's
	// answer was lost: it may have done what it was asked, or not. 451. Abort
	// still follows a Commit that returns it, and must leave alone what may be
	// published. A journal keeps such an upload open and looks for it.
	ErrUnknownOutcome = errors.New("paradise: the storage's answer was lost")

	// ErrServerClosed is returned by Serve after Drain, Shutdown or Close, and
	// once its listener was closed.
	ErrServerClosed = errors.New("paradise: server closed")

	// ErrNoSession is returned by Kick for an ID that is not connected.
	ErrNoSession = errors.New("paradise: no such session")

	errUnsupported = errors.ErrUnsupported
	errPanic       = errors.New("paradise: panic in a driver or hook")
)

// Causes that end a transfer; Abort, the log and the transfer event get them.
var (
	ErrAborted       = errors.New("paradise: aborted by the client")                    // ABOR
	ErrControlLost   = errors.New("paradise: control connection lost")                  // client vanished
	ErrDataLost      = errors.New("paradise: data connection broken")                   // RST or the like
	ErrTruncated     = errors.New("paradise: TLS data connection ended without notice") // no close_notify
	ErrStalled       = errors.New("paradise: data connection made no progress")
	ErrKicked        = errors.New("paradise: session kicked")
	ErrDriverBlocked = errors.New("paradise: driver did not answer in time")
	ErrSizeMismatch  = errors.New("paradise: size is not what ALLO said")
)

// ReplyError is an error that carries its reply. Code is a final FTP reply code;
// one outside 400 to 599 is not sent, and Err chooses. Text goes to the client, so
// it must be fit for strangers.
type ReplyError struct {
	Code int
	Text string
	Err  error // what the log says; may be nil
}

func (e *ReplyError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%d %s: %v", e.Code, e.Text, e.Err)
	}
	return fmt.Sprintf("%d %s", e.Code, e.Text)
}

func (e *ReplyError) Unwrap() error { return e.Err }

func isUnsupported(err error) bool { return errors.Is(err, errUnsupported) }
