package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// clock is a clock that tests move by hand.
type clock struct{ t atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_700_000_000, c.t.Load()) }
func (c *clock) advance(d time.Duration) { c.t.Add(int64(d)) }

// counted starts a service that counts its requests and whose answer can be changed.
type counted struct {
	*Driver
	clock  clock
	asked  atomic.Int32
	status atomic.Int32
	body   atomic.Value
}

func newCounted(t *testing.T) *counted {
	c := &counted{}
	c.status.Store(200)
	c.body.Store(`{"allow":true,"home":"/anna"}`)
	c.Driver = serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
		c.asked.Add(1)
		w.WriteHeader(int(c.status.Load()))
		io.WriteString(w, c.body.Load().(string))
	})
	c.Driver.now = c.clock.now
	return c
}

func (c *counted) asks(t *testing.T, want int, message string) {
	t.Helper()
	assert.EqualValues(t, want, c.asked.Swap(0), message)
}

func TestCacheIsOffByDefault(t *testing.T) {
	c := newCounted(t)
	for range 3 {
		_, err := login(c.Driver)
		require.NoError(t, err)
	}
	c.asks(t, 3, "each login asks")
}

func TestCacheKeepsPositiveAnswers(t *testing.T) {
	c := newCounted(t)
	c.CacheTTL = 30 * time.Second
	first, err := login(c.Driver)
	require.NoError(t, err)
	c.clock.advance(30*time.Second - 1)
	second, err := login(c.Driver)
	require.NoError(t, err)
	c.asks(t, 1, "within the time")
	assert.Equal(t, first, second)
	assert.NotSame(t, first, second)
	assert.NotSame(t, first.Policy, second.Policy, "one login's policy is its own")

	c.clock.advance(1)
	_, err = login(c.Driver)
	require.NoError(t, err)
	c.asks(t, 1, "after the time")
	c.clock.advance(30*time.Second - 1)
	_, err = login(c.Driver)
	require.NoError(t, err)
	c.asks(t, 0, "renewed")
}

func TestCacheNeverKeepsRefusals(t *testing.T) {
	for _, body := range []string{`{"allow":false}`, `{"need":"account"}`, `broken`} {
		c := newCounted(t)
		c.CacheTTL = time.Minute
		c.body.Store(body)
		for range 2 {
			_, err := login(c.Driver)
			require.Error(t, err)
		}
		c.asks(t, 2, body)
	}
}

func TestCacheServesDuringAnOutage(t *testing.T) {
	c := newCounted(t)
	c.CacheTTL = time.Minute
	_, err := login(c.Driver)
	require.NoError(t, err)
	c.status.Store(503)
	_, err = login(c.Driver)
	require.NoError(t, err)
}

func TestCacheTellsCredentialsApart(t *testing.T) {
	c := newCounted(t)
	c.CacheTTL = time.Minute
	other := *session
	other.Remote = netip.MustParseAddrPort("198.51.100.10:40000")
	otherPort := *session
	otherPort.Remote = netip.AddrPortFrom(session.Remote.Addr(), 1)
	host := *session
	host.Host = "other.example.com"
	for _, tc := range []struct {
		name string
		s    *paradise.Session
		c    paradise.Credentials
		asks int
	}{
		{"first", session, anna, 1},
		{"same", session, anna, 0},
		{"from another port", &otherPort, anna, 0},
		{"from another address", &other, anna, 1},
		{"for another host", &host, anna, 1},
		{"another password", session, paradise.Credentials{User: "anna", Password: "x", HasPassword: true}, 1},
		{"an account", session, paradise.Credentials{User: "anna", Password: anna.Password, HasPassword: true, Account: "a"},
			1},
		{"shifted", session, paradise.Credentials{User: "annap", Password: anna.Password[1:], HasPassword: true}, 1},
	} {
		_, err := c.Authenticate(t.Context(), tc.s, tc.c)
		require.NoError(t, err)
		c.asks(t, tc.asks, tc.name)
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCounted(t)
	c.CacheTTL, c.CacheSize = time.Minute, 3
	as := func(i int) {
		t.Helper()
		_, err := c.Authenticate(t.Context(), session,
			paradise.Credentials{User: fmt.Sprint("user", i), Password: "p", HasPassword: true})
		require.NoError(t, err)
	}
	for i := range 10 {
		as(i)
	}
	c.asks(t, 10, "all new")
	assert.Len(t, c.cache.answers, 3)
	assert.Len(t, c.cache.order, 3)
	for i := 7; i < 10; i++ {
		as(i)
	}
	c.asks(t, 0, "the newest are kept")
	c.clock.advance(time.Minute)
	as(11)
	assert.Len(t, c.cache.answers, 1, "what has expired is dropped")
}

func TestBreakerFailsFastAfterOutagesInARow(t *testing.T) {
	c := newCounted(t)
	c.BreakAfter, c.BreakFor = 3, 10*time.Second
	fail := func() {
		t.Helper()
		_, err := login(c.Driver)
		require.ErrorIs(t, err, ErrUnavailable)
	}
	c.status.Store(503)
	fail()
	fail()
	c.status.Store(401)
	_, err := login(c.Driver)
	require.ErrorIs(t, err, paradise.ErrBadCredentials, "a refusal is an answer")
	c.status.Store(503)
	for range 3 {
		fail()
	}
	c.asks(t, 6, "up to here all ask")
	fail()
	c.clock.advance(10*time.Second - 1)
	fail()
	c.asks(t, 0, "paused")

	c.clock.advance(1)
	fail()
	c.asks(t, 1, "one probe")
	fail()
	c.asks(t, 0, "its failure begins another pause")

	c.clock.advance(10 * time.Second)
	c.status.Store(200)
	for range 3 {
		_, err := login(c.Driver)
		require.NoError(t, err)
	}
	c.asks(t, 3, "its success ends it")
}

func TestBreakerCanBeOff(t *testing.T) {
	c := newCounted(t)
	c.BreakAfter = -1
	c.status.Store(500)
	for range 20 {
		_, err := login(c.Driver)
		require.ErrorIs(t, err, ErrUnavailable)
	}
	c.asks(t, 20, "all ask")
}

func TestBreakerLetsOneProbeThrough(t *testing.T) {
	b := &breaker{after: 1, pause: time.Second}
	now := time.Unix(0, 0)
	probe, ok := b.enter(now)
	require.True(t, ok)
	require.False(t, probe)
	b.leave(probe, failed, now)

	now = now.Add(time.Second)
	probe, ok = b.enter(now)
	require.True(t, ok)
	require.True(t, probe)
	_, ok = b.enter(now)
	require.False(t, ok, "while the probe is out")

	b.leave(probe, undecided, now)
	probe, ok = b.enter(now)
	require.True(t, ok, "a probe that told nothing is followed by another")
	require.True(t, probe)
	b.leave(probe, answered, now)
	probe, ok = b.enter(now)
	require.True(t, ok)
	require.False(t, probe)
}

func TestClientThatLeavesIsNoOutage(t *testing.T) {
	inside := make(chan struct{})
	d := serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		close(inside)
		<-r.Context().Done()
	})
	d.BreakAfter = 1
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("client left")
	go func() {
		<-inside
		cancel(gone)
	}()
	_, err := d.Authenticate(ctx, session, anna)
	require.ErrorIs(t, err, gone)
	assert.Zero(t, d.breaker.failures)
}
