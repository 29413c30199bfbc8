package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

// told is a row of the table in README.md.
type told struct {
	cases              []string
	reply              int
	err, count, effect string
}

var (
	row    = regexp.MustCompile("(?m)^\\| (.*) \\| (\\d{3})\\b[^|]* \\| ([^|]*) \\| `(\\w+)` \\| (\\w+) \\|$")
	quoted = regexp.MustCompile("`([^`]+)`")
)

func readmeTable(t *testing.T) (all []told) {
	t.Helper()
	b, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, m := range row.FindAllStringSubmatch(string(b), -1) {
		reply, err := strconv.Atoi(m[2])
		require.NoError(t, err)
		r := told{reply: reply, err: strings.Trim(m[3], "`"), count: m[4], effect: m[5]}
		for _, q := range quoted.FindAllStringSubmatch(m[1], -1) {
			r.cases = append(r.cases, q[1])
		}
		all = append(all, r)
	}
	require.Len(t, all, 9)
	return all
}

// scripted is a transport that gives the answer of a case in the table.
type scripted string

func (s scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	switch s {
	case "no connection":
		return nil, errors.New("connection refused")
	case "no answer in time":
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	status, body, _ := strings.Cut(string(s), " ")
	code, err := strconv.Atoi(status)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: code, Header: http.Header{"Location": {"/"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// failedOnce returns a driver that has had one outage.
func failedOnce(t *testing.T, transport http.RoundTripper) *Driver {
	t.Helper()
	d := &Driver{URL: "https://id.example/login", Client: &http.Client{Transport: transport},
		Timeout: 100 * time.Millisecond, Concurrency: 1, BreakAfter: 2}
	require.NoError(t, d.Validate())
	d.breaker.failures = 1
	return d
}

func TestReadmeTellsHowEachLoginEnds(t *testing.T) {
	sentinels := map[string]error{"none": nil, "ErrBadCredentials": paradise.ErrBadCredentials, "ErrRefused": ErrRefused,
		"ErrSenseless": ErrSenseless, "ErrUnavailable": ErrUnavailable, "ErrBusy": ErrBusy, "ErrPaused": ErrPaused}
	for _, want := range readmeTable(t) {
		require.NotEmpty(t, want.cases)
		for _, name := range want.cases {
			t.Run(name, func(t *testing.T) {
				d := failedOnce(t, scripted(name))
				switch name {
				case "no place in time":
					d.places <- struct{}{}
				case "not asked":
					d.breaker.failures, d.breaker.until = 2, time.Now().Add(time.Hour)
				}
				before := d.breaker.failures
				got := make(chan error, 1)
				srv := paradisetest.NewServer(t, &paradise.Server{
					Auth:  d,
					Files: memfs.New(),
					Hooks: paradise.Hooks{Login: func(_ context.Context, e paradise.LoginEvent) { got <- e.Err }},
				})
				c := srv.Dial()
				c.Expect(331, "USER anna")
				r := c.Cmd("PASS secret")
				assert.Equal(t, want.reply, r.Code, r)

				if want.reply != 332 { // 332 ends no attempt to log in
					err := <-got
					require.ErrorIs(t, err, sentinels[want.err])
					assert.Equal(t, err != nil && want.err != "ErrBadCredentials", errors.Is(err, ErrUnavailable))
				}
				counts := reflect.ValueOf(d.Counts())
				for i := range counts.NumField() {
					field := counts.Type().Field(i).Name
					assert.Equal(t, field == want.count, counts.Field(i).Uint() == 1, field)
				}
				after := map[string]int{"closes": 0, "stays": before, "opens": before + 1}
				require.Contains(t, after, want.effect)
				assert.Equal(t, after[want.effect], d.breaker.failures)
			})
		}
	}
}

func TestARequestThatIsRefusedShutsOutNobodyElse(t *testing.T) {
	for _, status := range []int{400, 404, 409, 413, 414, 418, 422, 429, 431, 451, 200} {
		c := newCounted(t)
		c.status.Store(int32(status))
		c.body.Store("what?")
		for range 3 * defaultBreakAfter {
			_, err := c.Authenticate(t.Context(), session,
				paradise.Credentials{User: strings.Repeat("x", 65), Password: "p", HasPassword: true})
			require.ErrorIs(t, err, ErrUnavailable)
		}
		c.status.Store(200)
		c.body.Store(`{"allow":true}`)
		_, err := login(c.Driver)
		require.NoError(t, err, "after %d", status)
	}
}

// slow is a transport that answers slowly.
type slow time.Duration

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(time.Duration(s)):
		return scripted(`200 {"allow": true}`).RoundTrip(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func TestOurOwnQueueIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := failedOnce(t, slow(60*time.Millisecond))
		ended := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := login(d)
				ended <- err
			}()
			synctest.Wait()
		}
		require.NoError(t, <-ended)
		require.ErrorIs(t, <-ended, ErrBusy, "40 ms are too few for it, and that is our doing")
		assert.Zero(t, d.breaker.failures)
		assert.Equal(t, Counts{Verdicts: 1, Busy: 1}, d.Counts())
	})
}

func TestARefusedRequestCountsNotTowardsABan(t *testing.T) {
	d := failedOnce(t, scripted("422"))
	srv := paradisetest.NewServer(t,
		&paradise.Server{Auth: d, Files: memfs.New(), Limits: paradise.Limits{BanAfter: 2, LoginTries: 3, FailedDelay: -1}})
	for range 3 {
		c := srv.Dial()
		for _, code := range []int{530, 530, 421} {
			c.Expect(331, "USER anna")
			c.Expect(code, "PASS secret")
		}
		c.Closed()
	}
}
