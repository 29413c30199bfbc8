package paradise

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// job is work that runs beside the control connection: transfers, and commands
// that read whole files. run gives the final reply.
type job struct {
	verb string
	name string    // virtual path, for people
	arg  string    // as the client gave it, for hooks
	way  direction // for counters
	run  func(x *xfer) reply

	// answers: it changes nothing, and without a client nobody needs it.
	answers bool

	// speaks: it sends the first lines of its reply while it runs, so nothing else
	// is answered meanwhile.
	speaks bool
}

// xfer is a running job: what the control connection and the data path know of
// each other. Everything a transfer works on was copied when it began; nothing
// the client says later can change it.
type xfer struct {
	c       *conn
	job     *job
	ctx     context.Context // dies on abort; not with the session once Commit has begun
	cancel  context.CancelCauseFunc
	data    *dataChan // nil for jobs without one, and once it was returned
	started time.Time
	moved   atomic.Int64
	size    atomic.Int64 // -1 if unknown
	dog     watchdog
	left    chan struct{} // closed when the session has it back
	opened  atomic.Bool   // its 150 is on its way, or it has none
	told    atomic.Bool   // the final reply is on its way: what comes now is not said during it
	result  transferResult

	mu         sync.Mutex
	cause      error // why it was aborted; the first wins
	committing bool  // the end has won: nothing aborts it any more
	abandoned  bool  // a driver did not come back; the session went without it
	parting    reply // and said this
	said       int   // code of the reply whose first lines have been sent
	over       bool
	opening    bool // waits for the data connection, or for its handshake
	ended      bool
	lost       bool          // the control connection ended without leave
	verdict    chan struct{} // closed with ended
	spoke      chan struct{} // closed when the client says something at the end of its data; nil: nobody waits for that
	saidAt     int64         // how much of the data had come at the last command behind this one
}

// lingerer is a data connection whose client may read the reply before it ends.
type lingerer interface{ linger() }

// transferResult is what a transfer leaves for its event.
type transferResult struct {
	offset      int64
	contentType string
	stored      int64
	digests     map[Digest]string
	committed   bool
	begun       bool
	refused     lingerer // cut short by us while the client may send: to be closed gently; nil: not so
}

// isOver reports whether the outcome stands: its reply may be with the client
// already while the session does not have the transfer back yet.
func (x *xfer) isOver() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.over
}

// abort ends the job for a reason: its context dies and its sockets close. It
// does nothing once Commit has begun.
func (x *xfer) abort(cause error) {
	x.mu.Lock()
	if x.committing || x.cause != nil {
		x.mu.Unlock()
		return
	}
	x.cause = cause
	data := x.data
	x.mu.Unlock()
	x.cancel(cause)
	data.stop()
}

// reason prefers the cause of an abort to the error it led to.
func (x *xfer) reason(err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cause != nil {
		return x.cause
	}
	return err
}

// commitNow marks the point after which nothing aborts the transfer; an abort
// that came before wins.
func (x *xfer) commitNow() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cause != nil {
		return x.cause
	}
	x.committing = true
	return nil
}

// controlEnded tells the transfer that the client's control connection is gone.
func (x *xfer) controlEnded(fine bool) {
	x.mu.Lock()
	if !x.ended {
		x.ended, x.lost = true, !fine
		close(x.verdict)
		x.hurryLocked()
	}
	x.mu.Unlock()
	if !fine {
		x.abort(ErrControlLost)
	}
}

// setOpening marks the begin and the end of the wait for the data connection.
func (x *xfer) setOpening(opening bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.opening = opening
	x.hurryLocked()
}

// hurryLocked bounds that wait once the client has ended its control connection: what
// it has opened before it finds its way here at once, and nobody is there to open
// more, whether QUIT was said or orphans may live.
func (x *xfer) hurryLocked() {
	if x.opening && x.ended {
		time.AfterFunc(openSoon, x.giveUpOpening)
	}
}

func (x *xfer) giveUpOpening() {
	x.mu.Lock()
	opening := x.opening
	x.mu.Unlock()
	if opening {
		x.abort(ErrControlLost)
	}
}

// openSoon is what a network may need to bring a connection that was opened before
// the control connection's end, and to shake hands on it.
const openSoon = 500 * time.Millisecond
