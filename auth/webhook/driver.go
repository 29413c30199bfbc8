package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/signed"
)

const (
	defaultTimeout     = 5 * time.Second
	defaultConcurrency = 64
	defaultBreakAfter  = 5
	defaultBreakFor    = 10 * time.Second
	defaultCacheSize   = 1024
)

// Driver is a [paradise.AuthDriver] that asks a web service. Set the fields before the
// first login and do not change them afterwards. The methods are safe for concurrent
// use.
type Driver struct {
	// URL is the address to which each login is posted. It must be https, unless the
	// host is loopback or Insecure is set.
	URL string

	// Secret signs the requests, so that the service can tell that they come from
	// this server. Empty: they are not signed.
	Secret []byte

	// Client sends the requests. Its CheckRedirect is replaced, because a redirect
	// would send passwords elsewhere. Nil: a client with the system's root
	// certificates and proxies.
	Client *http.Client

	// Timeout bounds one login, including the wait for a free place (Concurrency).
	// Zero: 5 s.
	Timeout time.Duration

	// Insecure allows http to hosts other than loopback; passwords then cross the
	// network in the clear. False: such URLs are refused.
	Insecure bool

	// AskAtUser asks the service already at USER, before the client has sent a
	// password. The service can then accept a client certificate, or answer need:
	// password. False: the service is asked once there is a password; the request
	// describes the certificate too.
	AskAtUser bool

	// Concurrency bounds the number of requests at once. Zero: 64; negative: no
	// bound.
	Concurrency int

	// CacheTTL is how long a positive answer is reused for the same credentials from
	// the same address. For that long an account can still log in after it has been
	// locked. Refusals are never cached. Zero: no cache.
	CacheTTL time.Duration

	// CacheSize is the most answers that are cached; the oldest are dropped first.
	// Zero: 1024.
	CacheSize int

	// BreakAfter is the number of outages in a row after which logins fail at once,
	// for BreakFor. Then one login tries the service again, and its outcome decides
	// for all. An outage is no answer in time, no connection, 408 or 5xx. Zero: 5;
	// negative: logins always ask the service.
	BreakAfter int

	// BreakFor is the length of that pause. Zero: 10 s.
	BreakFor time.Duration

	// Complete finishes the user that was built from an answer. It may set Files,
	// Value (which is the *Answer before) and Policy (never nil). An error refuses the
	// login, like an error from Authenticate. Nil: the user is used as it is.
	Complete func(ctx context.Context, s *paradise.Session, a *Answer, u *paradise.User) error

	now     func() time.Time // for tests; nil: time.Now
	once    sync.Once
	errOpen error
	service *service
	breaker *breaker
	cache   *cache        // nil: off
	places  chan struct{} // nil: no bound
	ended   counters
}

// Validate returns an error if a field is invalid. Call it at start; otherwise every
// login fails with the same error, as ErrUnavailable.
func (d *Driver) Validate() error {
	d.once.Do(func() { d.errOpen = d.open() })
	return d.errOpen
}

func (d *Driver) open() error {
	if err := checkURL(d.URL, d.Insecure); err != nil {
		return err
	}
	if err := signed.CheckSecret(d.Secret); err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	for _, v := range []time.Duration{d.Timeout, d.CacheTTL, d.BreakFor} {
		if v < 0 {
			return errors.New("webhook: Timeout, CacheTTL and BreakFor cannot be negative")
		}
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		return errBadURL
	}
	if d.now == nil {
		d.now = time.Now
	}
	places := or(d.Concurrency, defaultConcurrency)
	if places > 0 {
		d.places = make(chan struct{}, places)
	}
	d.breaker = &breaker{after: or(d.BreakAfter, defaultBreakAfter), pause: or(d.BreakFor, defaultBreakFor)}
	if d.CacheTTL > 0 {
		d.cache = newCache(d.CacheTTL, max(or(d.CacheSize, defaultCacheSize), 1))
	}
	d.service = newService(u, d.Secret, d.Client, max(places, 1))
	return nil
}

func or[T comparable](v, def T) T {
	if v == *new(T) {
		return def
	}
	return v
}

// Authenticate implements [paradise.AuthDriver]. It refuses credentials that are not
// UTF-8 without asking the service, because JSON cannot carry them.
func (d *Driver) Authenticate(
	ctx context.Context, s *paradise.Session, c paradise.Credentials,
) (*paradise.User, error) {
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if !c.HasPassword && !d.AskAtUser {
		return nil, paradise.ErrNeedPassword
	}
	if !utf8.ValidString(c.User) || !utf8.ValidString(c.Password) || !utf8.ValidString(c.Account) {
		return nil, paradise.ErrBadCredentials
	}
	a, err := d.verdict(ctx, newRequest(s, c, d.now()))
	if err != nil {
		return nil, err
	}
	u, err := a.user(s.Policy)
	if err != nil {
		return nil, &failure{ErrSenseless, d.service.host, err}
	}
	if d.Complete != nil {
		if err := d.Complete(ctx, s, &a, u); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// verdict returns the answer that accepts a user, or the reason why there is none.
func (d *Driver) verdict(ctx context.Context, r Request) (Answer, error) {
	if a, ok := d.cache.get(r, d.now()); ok {
		return a, nil
	}
	limit := or(d.Timeout, defaultTimeout)
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errSlow)
	defer cancel()
	if err := d.takePlace(ctx); err != nil {
		e := busy
		if !errors.Is(err, errSlow) {
			e = gone
		}
		return Answer{}, d.end(e, err)
	}
	defer d.leavePlace()

	a, e, err := d.ask(ctx, r, time.Since(began) > limit/2)
	if err := d.end(e, err); err != nil {
		return Answer{}, err
	}
	d.cache.put(r, a, d.now())
	return a, nil
}

// ask asks the service, unless the breaker is open. late means that the wait for a place
// has taken more than half of the time: a timeout in the rest says nothing about the
// service.
func (d *Driver) ask(ctx context.Context, r Request, late bool) (a Answer, e ending, err error) {
	probe, ok := d.breaker.enter(d.now())
	if !ok {
		return Answer{}, paused, errPaused
	}
	e = gone // in case of a panic: like a client that has left, it says nothing about the service
	defer func() { d.breaker.leave(probe, e.outcome(), d.now()) }()

	a, err = d.service.ask(ctx, r)
	e = endingOf(ctx, err)
	if e == outage && late && context.Cause(ctx) == errSlow {
		e = busy
	}
	return a, e, err
}

func (d *Driver) takePlace(ctx context.Context) error {
	if d.places == nil {
		return nil
	}
	select {
	case d.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("no place: %w", context.Cause(ctx))
	}
}

func (d *Driver) leavePlace() {
	if d.places != nil {
		<-d.places
	}
}

// String returns the service's host, so that printing a Driver reveals no secret.
func (d *Driver) String() string { return "webhook " + hostOf(d.URL) }

// GoString returns the same as String.
func (d *Driver) GoString() string { return d.String() }

// LogValue returns the same as String.
func (d *Driver) LogValue() slog.Value { return slog.StringValue(d.String()) }
