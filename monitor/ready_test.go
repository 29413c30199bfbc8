package monitor

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

func TestHealthIsGoodWhileReadinessEndsWithTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &paradise.Server{}
		h, err := New(srv, Options{})
		require.NoError(t, err)
		status := func(path string) int {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			return w.Code
		}
		assert.Equal(t, http.StatusOK, status("/healthz"))
		assert.Equal(t, http.StatusOK, status("/readyz"))
		require.NoError(t, srv.Shutdown(t.Context()))
		time.Sleep(readyFor)
		assert.Equal(t, http.StatusOK, status("/healthz"))
		assert.Equal(t, http.StatusServiceUnavailable, status("/readyz"))
	})
}

// The check is open to strangers. However often they ask, the server is checked at most
// once a second, and never again once it drains.
func TestReadinessCostsOneLookASecondHoweverManyAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks, draining := 0, false
		r := &readiness{draining: func() bool {
			looks++
			return draining
		}}
		ask := func(ready bool) {
			for range 1000 {
				require.Equal(t, ready, r.look() == isReady)
			}
		}
		ask(true)
		assert.Equal(t, 1, looks)
		time.Sleep(readyFor)
		ask(true)
		assert.Equal(t, 2, looks)
		draining = true
		time.Sleep(readyFor)
		ask(false)
		assert.Equal(t, 3, looks)
		time.Sleep(readyFor)
		ask(false)
		assert.Equal(t, 3, looks, "a drain has no way back")
	})
}

func TestTheHostProgramHasASayInReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("/srv/secret-place is gone")
		var fault error
		calls := 0
		h, err := New(&paradise.Server{}, Options{Ready: func() error { calls++; return fault }})
		require.NoError(t, err)
		ask := func() (int, string) {
			time.Sleep(readyFor)
			w := httptest.NewRecorder()
			for range 100 {
				w = httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
			}
			return w.Code, w.Body.String()
		}
		for _, fault = range []error{nil, gone, nil} {
			code, text := ask()
			assert.Equal(t, fault == nil, code == http.StatusOK)
			assert.NotContains(t, text, "secret-place")
		}
		assert.Equal(t, 3, calls)
	})
}

func TestAHostProgramThatHangsIsNotReadyAndAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		gate := make(chan error)
		r := &readiness{draining: func() bool { return false }, host: func() error { calls.Add(1); return <-gate }}
		for range 3 {
			assert.Equal(t, isNotReady, r.look())
			time.Sleep(readyFor)
		}
		assert.EqualValues(t, 1, calls.Load())
		gate <- nil
		synctest.Wait()
		assert.Equal(t, isReady, r.look())
	})
}

func TestAPanicOfTheHostProgramIsNotReady(t *testing.T) {
	r := &readiness{draining: func() bool { return false }, host: func() error { panic("a bug") }}
	assert.Equal(t, isNotReady, r.look())
}
