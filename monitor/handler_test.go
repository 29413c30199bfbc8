package monitor

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

func TestTheSameAddressAnswersEverybodyInTheirForm(t *testing.T) {
	w := watch(t, Options{})
	for _, c := range []struct{ name, accept, want string }{
		{"curl", "*/*", "text/plain; charset=utf-8"},
		{"a program that says nothing", "", "text/plain; charset=utf-8"},
		{"a program that wants text", "text/plain", "text/plain; charset=utf-8"},
		{"a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"},
		{"XHTML", "application/xhtml+xml", "text/html; charset=utf-8"},
		{"capitals", "TEXT/HTML", "text/html; charset=utf-8"},
		{"whoever refuses HTML", "text/html;q=0, */*", "text/plain; charset=utf-8"},
		{"nonsense", ";;;,text/", "text/plain; charset=utf-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, _ := w.get("/", "Accept: "+c.accept)
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			assert.Equal(t, c.want, resp.Header.Get("Content-Type"))
			assert.Equal(t, "Accept", resp.Header.Get("Vary"))
		})
	}
}

func TestCurlGetsTheServersText(t *testing.T) {
	w := watch(t, Options{})
	w.login("auser").store("hello.txt", "hello")
	text := func() string {
		var b strings.Builder
		require.NoError(t, w.srv.Stats().WriteText(&b))
		return b.String()
	}
	before := text()
	_, got := w.get("/", "Accept: */*")
	// The clock may have gone on by a second in between.
	assert.Contains(t, []string{before, text()}, got)
	assert.Contains(t, got, "STOR hello.txt\n")
}

func TestTheJSONTellsOfSessionsAndEndings(t *testing.T) {
	w := watch(t, Options{})
	w.login("auser").store("hello.txt", "hello, paradise")
	resp, body := w.get("/stats.json")
	assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	var s Snapshot
	require.NoError(t, json.Unmarshal([]byte(body), &s))
	require.Len(t, s.Sessions, 1)
	assert.Equal(t, 1, s.Clients)
	assert.Equal(t, "auser", s.Sessions[0].User)
	require.Len(t, s.Recent, 1)
	assert.Equal(t, Totals{Done: 1, Bytes: 15}, s.Uploads)
	assert.Equal(t, "/hello.txt", s.Recent[0].Name)
	assert.Equal(t, 226, s.Recent[0].Code)
	assert.EqualValues(t, 15, s.Recent[0].Bytes)
}

func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	w := watch(t, Options{Token: testToken})
	for _, c := range []struct{ method, path, host string }{
		{"GET", "/", ""}, {"GET", "/stats.json", ""}, {"GET", "/metrics", ""}, {"GET", "/healthz", ""},
		{"GET", "/readyz", ""},
		{"GET", "/assets/page.js", ""}, {"GET", "/assets/none", ""}, {"GET", "/none", ""}, {"DELETE", "/", ""},
		{"POST", "/drain", ""}, {"GET", "/", "evil.example"},
	} {
		t.Run(c.method+" "+c.path+" "+c.host, func(t *testing.T) {
			r := w.request(c.method, c.path, "", browser)
			if c.host != "" {
				r.Host = c.host
			}
			resp, _ := w.do(r)
			assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'self'")
			assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
			assert.Equal(t, "DENY", resp.Header.Get("X-Frame-Options"))
			assert.Equal(t, "same-origin", resp.Header.Get("Cross-Origin-Resource-Policy"))
			assert.Equal(t, "same-origin", resp.Header.Get("Referrer-Policy"))
		})
	}
}

func TestThePageNeedsNothingInline(t *testing.T) {
	w := watch(t, Options{Token: testToken})
	cookie, _ := w.signIn()
	for _, header := range []string{"Accept-Language: en", cookie} {
		_, body := w.get("/", browser, header)
		assert.NotRegexp(t, `(?i)<style|<script(>| [^>]*>[^<])|\s(style|on[a-z]+)=|javascript:`, body)
		assert.NotRegexp(t, `(href|src|action)="(/|http)`, body, "relative, so that it works below a prefix")
	}
}

func TestAssetsAreKeptUntilTheyChange(t *testing.T) {
	w := watch(t, Options{})
	resp, body := w.get("/assets/page.js")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "text/javascript; charset=utf-8", resp.Header.Get("Content-Type"))
	assert.NotEmpty(t, body)
	resp, _ = w.get("/assets/page.js", "If-None-Match: "+resp.Header.Get("Etag"))
	assert.Equal(t, http.StatusNotModified, resp.StatusCode)
}

func TestTheMonitorWorksBelowAPrefix(t *testing.T) {
	w := watch(t, Options{Token: testToken})
	w.http.Config.Handler = http.StripPrefix("/ftp", w.handler)
	resp, body := w.get("/ftp/", browser)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Contains(t, body, `src="assets/page.js"`)
	resp, _ = w.get("/ftp/assets/page.js")
	assert.Equal(t, http.StatusOK, resp.StatusCode)
}

func TestNewRefusesOptionsThatProtectNobody(t *testing.T) {
	srv := &paradise.Server{}
	for _, c := range []struct {
		name string
		srv  *paradise.Server
		o    Options
		want string
	}{
		{"no server", nil, Options{}, "server"},
		{"a token that can be guessed", srv, Options{Token: "fifteen-letters"}, "16"},
		{"a URL as host", srv, Options{Hosts: []string{"http://ftp.example"}}, "no host name"},
		{"an empty host", srv, Options{Hosts: []string{""}}, "no host name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(c.srv, c.o)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestCheckWantsATokenWhereOthersCanLook(t *testing.T) {
	for _, c := range []struct {
		addr, token string
		ok          bool
	}{
		{"127.0.0.1:5010", "", true},
		{"127.3.2.1:5010", "", true},
		{"[::1]:5010", "", true},
		{"localhost:5010", "", true},
		{":5010", "", false},
		{"0.0.0.0:5010", "", false},
		{"[::]:5010", "", false},
		{"192.0.2.7:5010", "", false},
		{"ftp.example:5010", "", false},
		{"192.0.2.7:5010", testToken, true},
		{":5010", testToken, true},
		{"5010", testToken, false},
	} {
		t.Run(c.addr, func(t *testing.T) {
			assert.Equal(t, c.ok, Check(c.addr, Options{Token: c.token}) == nil)
		})
	}
}

func TestASessionIsKickedByTokenOrByThePage(t *testing.T) {
	w := watch(t, Options{Token: testToken})
	cookie, csrf := w.signIn()
	for name, headers := range map[string][]string{
		"token": {"Authorization: Bearer " + testToken},
		"page":  {cookie, "X-Paradise-Csrf: " + csrf, "Origin: " + w.http.URL, "Sec-Fetch-Site: same-origin"},
	} {
		t.Run(name, func(t *testing.T) {
			c := w.dial()
			sessions := w.srv.Stats().Sessions
			require.Len(t, sessions, 1)
			resp, _ := w.do(w.request("POST", "/sessions/"+itoa(sessions[0].ID)+"/kick", "", headers...))
			assert.Equal(t, http.StatusNoContent, resp.StatusCode)
			c.reply("421")
			_, err := c.r.ReadByte()
			assert.Error(t, err)
			require.Eventually(t, func() bool { return len(w.srv.Stats().Sessions) == 0 }, 5*time.Second, time.Millisecond)
			resp, _ = w.do(w.request("POST", "/sessions/"+itoa(sessions[0].ID)+"/kick", "", headers...))
			assert.Equal(t, http.StatusNotFound, resp.StatusCode, "it has gone")
		})
	}
}

func TestADrainIsAskedForOnce(t *testing.T) {
	w := watch(t, Options{Token: testToken})
	for range 3 {
		resp, _ := w.do(w.request("POST", "/drain", "", "Authorization: Bearer "+testToken))
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
	}
	<-w.drains
	w.http.Close()
	assert.Empty(t, w.drains)
}

func TestOthersReadWithTheTokenOnly(t *testing.T) {
	w := watch(t, Options{Token: testToken, Hosts: []string{"ftp.example"}})
	cookie, _ := w.signIn()
	w.local = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 5010}
	for _, path := range []string{"/", "/stats.json", "/metrics", "/events"} {
		for _, c := range []struct {
			name    string
			headers []string
			want    int
		}{
			{"nothing", nil, http.StatusUnauthorized},
			{"wrong token", []string{"Authorization: Bearer 0123456789abcdef-nekot"}, http.StatusUnauthorized},
			{"token", []string{"Authorization: Bearer " + testToken}, http.StatusOK},
			{"cookie", []string{cookie}, http.StatusOK},
			{"own address", []string{"Host: 192.0.2.7:5010", cookie}, http.StatusOK},
			{"named host", []string{"Host: ftp.example", cookie}, http.StatusOK},
			{"stranger's address", []string{"Host: 192.0.2.8:5010", cookie}, http.StatusForbidden},
		} {
			t.Run(path+" "+c.name, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				resp, err := http.DefaultTransport.RoundTrip(w.request("GET", path, "", c.headers...).WithContext(ctx))
				require.NoError(t, err)
				resp.Body.Close()
				assert.Equal(t, c.want, resp.StatusCode)
			})
		}
	}
}

func TestWithoutATokenOthersReadNothing(t *testing.T) {
	w := watch(t, Options{})
	w.local = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 5010}
	for path, want := range map[string]int{"/": 403, "/stats.json": 403, "/metrics": 403, "/events": 403, "/healthz": 200,
		"/readyz": 200} {
		resp, _ := w.get(path, browser)
		assert.Equal(t, want, resp.StatusCode, path)
	}
}

func TestBrowsersGetAFormToSignIn(t *testing.T) {
	w := watch(t, Options{Token: testToken})
	w.local = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 5010}
	resp, body := w.get("/", browser)
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	assert.Contains(t, body, `<form action="login" method="post">`)
	resp, body = w.do(w.request("POST", "/login", "token=wrong", browser,
		"Content-Type: application/x-www-form-urlencoded"))
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	assert.Contains(t, body, "That is not the token.")
	assert.Empty(t, resp.Cookies())
}

func TestTheCookieIsForThisSiteAloneAndEnds(t *testing.T) {
	w := watch(t, Options{Token: testToken})
	resp, _ := w.do(w.request("POST", "/login", "token="+testToken, "Content-Type: application/x-www-form-urlencoded"))
	require.Len(t, resp.Cookies(), 1)
	c := resp.Cookies()[0]
	assert.True(t, c.HttpOnly)
	assert.Equal(t, http.SameSiteStrictMode, c.SameSite)
	assert.NotContains(t, c.Value, testToken)
	now := time.Now()
	assert.True(t, w.handler.keys.validCookie(c.Value, now))
	assert.False(t, w.handler.keys.validCookie(c.Value, now.Add(signedIn+time.Minute)))
	assert.False(t, newKeys("another token of length").validCookie(c.Value, now))
}
