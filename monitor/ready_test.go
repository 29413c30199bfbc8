package monitor

import (
	"net/http"
	"net/http/httptest"
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

// The check is open to strangers: however often they ask, the server is looked
// at once a second, and not at all once it drains.
func TestReadinessCostsOneLookASecondHoweverManyAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks, draining := 0, false
		r := &readiness{draining: func() bool {
			looks++
			return draining
		}}
		ask := func(want bool) {
			for range 1000 {
				require.Equal(t, want, r.ready())
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
