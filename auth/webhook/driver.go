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

// Driver is a [paradise.AuthDriver] that asks a web service. Set the fields
// before the first login and leave them alone; the methods may be called from
// many goroutines at once.
type Driver struct {
	// URL is where each login is posted to. It must be https, unless the host
	// is the loopback or Insecure is set.
	URL string

	// Secret signs the requests, so that the service knows who asks. Empty:
	// they are not signed.
	Secret []byte

	// Client makes the requests; its redirect rule is replaced, since a
	// redirect would carry passwords elsewhere. Nil: one of the driver's own,
	// with the system's roots and proxies.
	Client *http.Client

	// Timeout bounds one login, waiting for a free place included. Zero: 5 s.
	Timeout time.Duration

	// Insecure allows http to other hosts than the loopback: passwords then
	// cross the network in the clear. Zero: refused.
	Insecure bool

	// AskAtUser asks the service when a client has shown a certificate and not
	// yet a password; it may answer need: password. Zero: the password is asked
	// for first, and certificates go along with it.
	AskAtUser bool

	// Concurrency bounds the requests at once. Zero: 64; negative: no bound.
	Concurrency int

	// CacheTTL is for how long a positive answer is used again for the same
	// credentials from the same address; so long a locked account can still log
	// in. Refusals are never kept. Zero: no cache.
	CacheTTL time.Duration

	// CacheSize bounds the answers kept; the oldest give way. Zero: 1024.
	CacheSize int

	// BreakAfter is the number of outages in a row after which logins fail at
	// once, for BreakFor; then one login tries the service, and its outcome
	// holds for all. An outage is no answer in time, 408 or 5xx. Zero: 5; negative:
	// never.
	BreakAfter int

	// BreakFor is the length of that pause. Zero: 10 s.
	BreakFor time.Duration

	// Complete finishes the user that was made of an answer: its Files, its
	// Value (the *Answer up to then), its Policy (never nil). An error refuses
	// the login as one from Authenticate does. Nil: nothing is added.
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

// Validate reports what is wrong with the fields. Call it at start; otherwise
// every login is an outage with the same error.
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

// Authenticate implements [paradise.AuthDriver]. Credentials that are not UTF-8
// are refused unasked, since JSON cannot carry them.
func (d *Driver) Authenticate(ctx context.Context, s *paradise.Session, c paradise.Credentials) (*paradise.User, error) {
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

// verdict returns the answer that lets a user in, or why there is none.
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

// ask goes through the breaker to the service. Where the wait for a place has taken
// most of the time, late, what is left of it says nothing about the service.
func (d *Driver) ask(ctx context.Context, r Request, late bool) (a Answer, e ending, err error) {
	probe, ok := d.breaker.enter(d.now())
	if !ok {
		return Answer{}, paused, errPaused
	}
	e = gone // of a panic too
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

// String names the service's host; printing a Driver shows no secret.
func (d *Driver) String() string { return "webhook " + hostOf(d.URL) }

// GoString is String.
func (d *Driver) GoString() string { return d.String() }

// LogValue is String.
func (d *Driver) LogValue() slog.Value { return slog.StringValue(d.String()) }
