package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/paradiseftp/paradise"
)

// Errors of logins that the service has not decided. Each that a Driver returns is an
// ErrUnavailable too. Their texts name the service's host and never a secret.
var (
	// ErrUnavailable is that there was no verdict: nobody is let in, and it is not
	// about the password.
	ErrUnavailable = errors.New("webhook: identity service not available")

	// ErrRefused is a status by which the service refuses the request itself: any
	// 4xx but 401, 403 and 408.
	ErrRefused = errors.New("webhook: identity service refuses the request")

	// ErrSenseless is an answer that came in time and that the driver cannot obey.
	ErrSenseless = errors.New("webhook: identity service answers what makes no sense")

	// ErrBusy is that too many logins wait for the service at once.
	ErrBusy = errors.New("webhook: too many logins wait for the identity service")

	// ErrPaused is that the service is not asked for a while after outages.
	ErrPaused = errors.New("webhook: identity service is left alone after outages")
)

// ending is how a login that asks the service ends.
type ending int

const (
	verdict ending = iota // of the service: yes, no, or more is needed
	refused
	senseless
	outage // no answer in time, or none but that there is none
	busy
	paused
	gone // the client left
	endings
)

// errs are what the endings are to the host program.
var errs = [endings]error{refused: ErrRefused, senseless: ErrSenseless, outage: ErrUnavailable, busy: ErrBusy, paused: ErrPaused, gone: ErrUnavailable}

// Counts are how logins have ended since the Driver was made. Those whose clients
// left before are in none, nor are those that the cache let in.
type Counts struct {
	Verdicts  uint64 // yes, no, or more is needed
	Refused   uint64 // ErrRefused
	Senseless uint64 // ErrSenseless
	Outages   uint64 // no answer in time, 408, 5xx
	Busy      uint64 // ErrBusy
	Paused    uint64 // ErrPaused
}

// Counts returns how logins have ended. It never waits.
func (d *Driver) Counts() Counts {
	n := func(e ending) uint64 { return d.ended[e].Load() }
	return Counts{Verdicts: n(verdict), Refused: n(refused), Senseless: n(senseless), Outages: n(outage), Busy: n(busy), Paused: n(paused)}
}

// counters has one for each ending.
type counters [endings]atomic.Uint64

// outcome is what the breaker learns. Only an outage opens it: what a stranger brings
// about by his name or his haste must not shut out the others.
func (e ending) outcome() outcome {
	switch e {
	case verdict, refused:
		return answered
	case outage:
		return failed
	}
	return undecided
}

// statusError is an answer's status other than 200, 401 and 403.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("status %d", int(e)) }

// senselessError is what is wrong with an answer of status 200.
type senselessError struct{ error }

// endingOf tells how asking the service under ctx ended.
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

// elsewhere reports whether a refusal is about where and when was asked, and not
// about what.
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

// failure is a login without a verdict.
type failure struct {
	kind error
	host string
	err  error
}

func (f *failure) Error() string   { return fmt.Sprintf("%v: %s: %v", f.kind, f.host, f.err) }
func (f *failure) Unwrap() []error { return []error{f.kind, ErrUnavailable, f.err} }

// end counts an ending and returns the error that the core makes a reply of: 421,
// unless a client that comes again would ask the same in vain.
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
