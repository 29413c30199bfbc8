package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/paradiseftp/paradise"
)

// These are the errors of logins that the service has not decided. Each of them that a
// Driver returns is also an ErrUnavailable. Their texts name the service's host and
// never contain a secret.
var (
	// ErrUnavailable means that there was no verdict. The user is not logged in, but
	// the password may be right.
	ErrUnavailable = errors.New("webhook: identity service not available")

	// ErrRefused means that the service refused the request itself, with any 4xx
	// except 401, 403 and 408.
	ErrRefused = errors.New("webhook: identity service refuses the request")

	// ErrSenseless means that an answer came in time but the driver cannot follow it.
	ErrSenseless = errors.New("webhook: identity service sent an answer that makes no sense")

	// ErrBusy means that too many logins are waiting for the service.
	ErrBusy = errors.New("webhook: too many logins wait for the identity service")

	// ErrPaused means that the service is not asked for a while after outages.
	ErrPaused = errors.New("webhook: identity service is not asked for a while after outages")
)

// ending is how a login that asks the service ends.
type ending int

const (
	verdict ending = iota // the service said yes, no, or that it needs more
	refused
	senseless
	outage // no answer in time, no connection, 408 or 5xx
	busy
	paused
	gone // the client left
	endings
)

// errs are the errors that the endings become for the host program.
var errs = [endings]error{
	refused: ErrRefused, senseless: ErrSenseless, outage: ErrUnavailable,
	busy: ErrBusy, paused: ErrPaused, gone: ErrUnavailable,
}

// Counts says how the logins since the creation of the Driver have ended. It does not
// count logins whose client left before the end, nor those answered from the cache.
type Counts struct {
	Verdicts  uint64 // yes, no, or more is needed
	Refused   uint64 // ErrRefused
	Senseless uint64 // ErrSenseless
	Outages   uint64 // no answer in time, no connection, 408, 5xx
	Busy      uint64 // ErrBusy
	Paused    uint64 // ErrPaused
}

// Counts returns how logins have ended. It never waits.
func (d *Driver) Counts() Counts {
	n := func(e ending) uint64 { return d.ended[e].Load() }
	return Counts{
		Verdicts: n(verdict), Refused: n(refused), Senseless: n(senseless),
		Outages: n(outage), Busy: n(busy), Paused: n(paused),
	}
}

// counters has one counter for each ending.
type counters [endings]atomic.Uint64

// outcome returns what an ending means to the breaker. Only an outage opens it: a
// stranger with a strange name or with many requests must not lock out the others.
func (e ending) outcome() outcome {
	switch e {
	case verdict, refused:
		return answered
	case outage:
		return failed
	}
	return undecided
}

// statusError is an HTTP status other than 200, 401 and 403.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("status %d", int(e)) }

// senselessError is the mistake in an answer of status 200.
type senselessError struct{ error }

// endingOf returns how a request under ctx, which returned err, has ended.
func endingOf(ctx context.Context, err error) ending {
	status, refuses := errors.AsType[statusError](err)
	_, read := errors.AsType[senselessError](err)
	switch {
	case err == nil, isVerdict(err):
		return verdict
	case refuses:
		return status.ending()
	case read:
		return senseless
	case ctx.Err() != nil && context.Cause(ctx) != errSlow:
		return gone
	}
	return outage
}

func (e statusError) ending() ending {
	switch {
	case e >= 500, e == http.StatusRequestTimeout:
		return outage
	case e >= 400:
		return refused
	}
	return senseless
}

// elsewhere reports whether a refusal is about the place or the time of the request, and
// not about its content.
func (e statusError) elsewhere() bool {
	switch e {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusProxyAuthRequired, http.StatusGone,
		http.StatusMisdirectedRequest, http.StatusTooEarly, http.StatusUpgradeRequired, http.StatusTooManyRequests:
		return true
	}
	return false
}

func isVerdict(err error) bool {
	return errors.Is(err, paradise.ErrBadCredentials) || errors.Is(err, paradise.ErrNeedPassword) ||
		errors.Is(err, paradise.ErrNeedAccount)
}

// failure is the error of a login without a verdict.
type failure struct {
	kind error
	host string
	err  error
}

func (f *failure) Error() string   { return fmt.Sprintf("%v: %s: %v", f.kind, f.host, f.err) }
func (f *failure) Unwrap() []error { return []error{f.kind, ErrUnavailable, f.err} }

// end counts an ending and returns the error that the core turns into a reply: 421,
// unless the client would try again in vain.
func (d *Driver) end(e ending, err error) error {
	d.ended[e].Add(1)
	if e == verdict {
		return err
	}
	told := &failure{errs[e], d.service.host, err}
	status, _ := errors.AsType[statusError](err)
	switch {
	case e == refused && !status.elsewhere():
		return &paradise.ReplyError{Code: 530, Text: "Login refused", Err: told}
	case e == busy:
		return &paradise.ReplyError{Code: 421, Text: "Too many logins at once, try again later", Err: told}
	}
	return told
}
