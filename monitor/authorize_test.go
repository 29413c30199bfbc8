package monitor

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// byLogin reads who somebody is from a header of the host program's.
func byLogin(r *http.Request) (read, act bool) {
	login := r.Header.Get("X-Login")
	return strings.Contains(login, "reads"), strings.Contains(login, "acts")
}

var views = []string{"/", "/stats.json", "/metrics", "/events"}

func TestTheHostProgramSaysWhoMayLook(t *testing.T) {
	w := watch(t, Options{Authorize: byLogin, Hosts: []string{"ops.example"}})
	signed := newKeys("").cookie(w.srv.Stats().Now.AddDate(1, 0, 0))
	for _, local := range []*net.TCPAddr{nil, {IP: net.IPv4(192, 0, 2, 1), Port: 80}} {
		w.local = local
		for _, path := range views {
			for _, headers := range [][]string{
				nil, {browser}, {"X-Login: acts"}, {"X-Login: nobody"}, {"Authorization: Bearer "}, {"Cookie: " + cookieName + "=" + signed},
			} {
				resp, body := w.get(path, append(headers, "Host: ops.example")...)
				assert.Equal(t, http.StatusForbidden, resp.StatusCode, "%s %v", path, headers)
				assert.Equal(t, "You may not look at this monitor\n", body)
			}
			if path == "/events" {
				continue // does not end
			}
			resp, _ := w.get(path, "X-Login: reads", "Host: ops.example")
			assert.Equal(t, http.StatusOK, resp.StatusCode, path)
		}
		for _, path := range []string{"/healthz", "/readyz", "/assets/page.js"} {
			resp, _ := w.get(path)
			assert.Equal(t, http.StatusOK, resp.StatusCode, "%s tells nothing", path)
		}
	}
	resp, _ := w.get("/", "X-Login: reads acts", "Host: evil.example")
	assert.Equal(t, http.StatusForbidden, resp.StatusCode, "names are still looked at")
}

func TestTheHostProgramSaysWhoMayAct(t *testing.T) {
	w := watch(t, Options{Authorize: byLogin})
	c := w.dial()
	kick := "/sessions/" + itoa(w.srv.Stats().Sessions[0].ID) + "/kick"
	for _, headers := range [][]string{
		nil, {"X-Login: reads"}, {"Authorization: Bearer " + testToken},
		{"X-Login: reads acts", "Origin: https://evil.example"}, {"X-Login: reads acts", "Sec-Fetch-Site: cross-site"},
		{"X-Login: reads acts", "Host: evil.example"},
	} {
		for _, path := range []string{kick, "/drain"} {
			resp, _ := w.do(w.request("POST", path, "", headers...))
			assert.Equal(t, http.StatusForbidden, resp.StatusCode, "%s %v", path, headers)
		}
	}
	assert.Empty(t, w.drains)
	c.say("NOOP", "200")
	resp, _ := w.do(w.request("POST", "/login", "token=", formType))
	assert.Equal(t, http.StatusForbidden, resp.StatusCode, "there is nothing to sign in to")

	resp, _ = w.do(w.request("POST", kick, "", "X-Login: acts"))
	assert.Equal(t, http.StatusNoContent, resp.StatusCode)
	c.reply("421")
	resp, _ = w.do(w.request("POST", "/drain", "", "X-Login: reads acts", "Origin: "+w.http.URL))
	assert.Equal(t, http.StatusAccepted, resp.StatusCode)
	<-w.drains
}

func TestThePageHasActionsForThoseWhoMayAct(t *testing.T) {
	w := watch(t, Options{Authorize: byLogin})
	for login, acts := range map[string]bool{"reads": false, "reads acts": true} {
		_, body := w.get("/", browser, "X-Login: "+login)
		assert.Equal(t, acts, strings.Contains(body, `data-act="yes"`), login)
		assert.Equal(t, acts, strings.Contains(body, `id="drain"`), login)
		assert.NotContains(t, body, `action="login"`)
		assert.NotContains(t, body, `action="logout"`)
	}
}

func TestAStreamEndsWithTheLogin(t *testing.T) {
	var loggedIn atomic.Bool
	loggedIn.Store(true)
	w := watch(t, Options{Authorize: func(*http.Request) (bool, bool) { return loggedIn.Load(), false }})
	resp, err := http.DefaultTransport.RoundTrip(w.request("GET", "/events", ""))
	require.NoError(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	require.True(t, lines.Scan())
	loggedIn.Store(false)
	for lines.Scan() {
	}
	require.NoError(t, lines.Err(), "the stream ends as one that is over")
}

func TestOnlyOneSaysWhoMayLook(t *testing.T) {
	_, err := New(&paradise.Server{}, Options{Token: testToken, Authorize: byLogin})
	assert.ErrorContains(t, err, "Authorize and Token are both set")
	assert.NoError(t, Check("0.0.0.0:8080", Options{Authorize: byLogin}))
}
