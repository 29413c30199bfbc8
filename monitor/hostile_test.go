package monitor

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func itoa(id uint64) string { return strconv.FormatUint(id, 10) }

// attack is a request that must change nothing.
type attack struct {
	name    string
	method  string
	path    string // "KICK" stands for the path that kicks the session
	headers []string
	body    string
	want    int
}

const (
	bearer   = "Authorization: Bearer " + testToken
	formType = "Content-Type: application/x-www-form-urlencoded"
)

const forged = "Cookie: " + cookieName + "="

// kicks returns requests that must be refused although all but one thing is right about
// them. cookie and csrf are valid, origin is the monitor's own.
func kicks(cookie, csrf, origin string) []attack {
	proof := "X-Paradise-Csrf: " + csrf
	return []attack{
		{"kick without a token", "POST", "KICK", nil, "", 401},
		{"kick with an empty token", "POST", "KICK", []string{"Authorization: Bearer "}, "", 401},
		{"kick with a wrong token", "POST", "KICK", []string{"Authorization: Bearer 0123456789abcdef-nekot"}, "", 401},
		{"kick with a part of the token", "POST", "KICK", []string{"Authorization: Bearer " + testToken[:8]}, "", 401},
		{"kick with more than the token", "POST", "KICK", []string{bearer + "x"}, "", 401},
		{"kick with the token in capitals", "POST", "KICK",
			[]string{"Authorization: Bearer " + strings.ToUpper(testToken)}, "", 401},
		{"kick with Basic", "POST", "KICK", []string{"Authorization: Basic " + testToken}, "", 401},
		{"kick with the bare token", "POST", "KICK", []string{"Authorization: " + testToken}, "", 401},
		{"kick with the token in the query", "POST", "KICK?token=" + testToken, nil, "", 401},
		{"kick with the token in a form", "POST", "KICK", []string{formType}, "token=" + testToken, 401},
		{"kick with the token as cookie", "POST", "KICK", []string{forged + testToken}, "", 401},
		{"kick by GET", "GET", "KICK", []string{bearer}, "", 405},
		{"kick by HEAD", "HEAD", "KICK", []string{bearer}, "", 405},
		{"kick by PUT", "PUT", "KICK", []string{bearer}, "", 405},
		{"kick by DELETE", "DELETE", "KICK", []string{bearer}, "", 405},
		{"kick by OPTIONS", "OPTIONS", "KICK", []string{bearer}, "", 405},
		{"kick by GET that claims to be POST", "GET", "KICK", []string{bearer, "X-HTTP-Method-Override: POST"}, "", 405},
		{"kick from another origin", "POST", "KICK", []string{bearer, "Origin: https://evil.example"}, "", 403},
		{"kick from the null origin", "POST", "KICK", []string{bearer, "Origin: null"}, "", 403},
		{"kick from another port", "POST", "KICK", []string{bearer, "Origin: http://127.0.0.1:1"}, "", 403},
		{"kick from a file", "POST", "KICK", []string{bearer, "Origin: file://"}, "", 403},
		{"kick from two origins", "POST", "KICK", []string{bearer, "Origin: " + origin, "Origin: https://evil.example"},
			"", 403},
		{"kick from a name that begins like ours", "POST", "KICK",
			[]string{bearer, "Origin: " + origin + ".evil.example"}, "", 403},
		{"kick from another site", "POST", "KICK", []string{bearer, "Sec-Fetch-Site: cross-site"}, "", 403},
		{"kick from another page of the site", "POST", "KICK", []string{bearer, "Sec-Fetch-Site: same-site"}, "", 403},
		{"kick from another site by navigation", "POST", "KICK",
			[]string{bearer, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, "", 403},
		{"kick by cookie alone", "POST", "KICK", []string{cookie, "Origin: " + origin}, "", 403},
		{"kick by a form with the cookie", "POST", "KICK", []string{cookie, formType}, "a=b", 403},
		{"kick by a text form with the cookie", "POST", "KICK", []string{cookie, "Content-Type: text/plain"}, "a=b", 403},
		{"kick by a multipart form with the cookie", "POST", "KICK",
			[]string{cookie, "Content-Type: multipart/form-data; boundary=x"}, "--x--", 403},
		{"kick with the proof in the form", "POST", "KICK", []string{cookie, formType}, "csrf=" + csrf, 403},
		{"kick with a wrong proof", "POST", "KICK", []string{cookie, "X-Paradise-Csrf: " + csrf[1:] + "A"}, "", 403},
		{"kick with an empty proof", "POST", "KICK", []string{cookie, "X-Paradise-Csrf: "}, "", 403},
		{"kick with the cookie as proof", "POST", "KICK",
			[]string{cookie, "X-Paradise-Csrf: " + strings.TrimPrefix(cookie, "Cookie: "+cookieName+"=")}, "", 403},
		{"kick with the proof alone", "POST", "KICK", []string{proof}, "", 401},
		{"kick with both from another origin", "POST", "KICK", []string{cookie, proof, "Origin: https://evil.example"},
			"", 403},
		{"kick with both and a wrong token", "POST", "KICK", []string{cookie, proof, "Authorization: Bearer wrong"}, "", 401},
		{"kick with a forged cookie", "POST", "KICK", []string{forged + "9999999999.AAAA", proof}, "", 401},
		{"kick with a cookie that lasts longer", "POST", "KICK",
			[]string{strings.Replace(cookie, "="+cookie[len(forged):len(forged)+1], "=9", 1), proof}, "", 401},
		{"kick with an empty cookie", "POST", "KICK", []string{forged, proof}, "", 401},
		{"kick under a rebound name", "POST", "KICK", []string{bearer, "Host: evil.example"}, "", 403},
		{"kick under a rebound name with port", "POST", "KICK",
			[]string{bearer, "Host: evil.example:5010", "Origin: http://evil.example:5010"}, "", 403},
		{"kick under a name that ends like ours", "POST", "KICK", []string{bearer, "Host: 127.0.0.1.evil.example"}, "", 403},
		{"kick under localhost of somebody", "POST", "KICK", []string{bearer, "Host: localhost.evil.example"}, "", 403},
		{"kick under another address", "POST", "KICK", []string{bearer, "Host: 192.0.2.1"}, "", 403},
		{"kick under the address of nobody", "POST", "KICK", []string{bearer, "Host: 0.0.0.0"}, "", 403},
		{"kick of all", "POST", "/sessions/*/kick", []string{bearer}, "", 400},
		{"kick of a negative session", "POST", "/sessions/-1/kick", []string{bearer}, "", 400},
		{"kick of a session too large", "POST", "/sessions/99999999999999999999/kick", []string{bearer}, "", 400},
		{"kick of markup", "POST", "/sessions/%3Cscript%3E/kick", []string{bearer}, "", 400},
		{"kick of nobody", "POST", "/sessions/4711/kick", []string{bearer}, "", 404},
	}
}

// others returns attacks on everything except kick.
func others(cookie string) []attack {
	return []attack{
		{"drain without a token", "POST", "/drain", nil, "", 401},
		{"drain by GET", "GET", "/drain", []string{bearer}, "", 405},
		{"drain from another origin", "POST", "/drain", []string{bearer, "Origin: https://evil.example"}, "", 403},
		{"drain by cookie alone", "POST", "/drain", []string{cookie}, "", 403},
		{"drain under a rebound name", "POST", "/drain", []string{bearer, "Host: evil.example"}, "", 403},
		{"sign-in from another origin", "POST", "/login", []string{formType, "Origin: https://evil.example"},
			"token=" + testToken, 403},
		{"sign-in from the null origin", "POST", "/login", []string{formType, "Origin: null"}, "token=" + testToken, 403},
		{"sign-in by query", "POST", "/login?token=" + testToken, []string{formType}, "", 401},
		{"sign-in by GET", "GET", "/login?token=" + testToken, nil, "", 405},
		{"sign-in with a huge form", "POST", "/login", []string{formType}, "token=" + strings.Repeat("a", 1<<20), 400},
		{"sign-in with broken escapes", "POST", "/login", []string{formType}, "token=%zz", 400},
		{"sign-in with two tokens", "POST", "/login", []string{formType}, "token=wrong&token=" + testToken, 401},
		{"sign-out from another origin", "POST", "/logout", []string{cookie, "Origin: https://evil.example"}, "", 403},
		{"events for another origin", "GET", "/events", []string{"Origin: https://evil.example"}, "", 403},
		{"events for the null origin", "GET", "/events", []string{"Origin: null"}, "", 403},
		{"events for another site", "GET", "/events", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"},
			"", 403},
		{"events under a rebound name", "GET", "/events", []string{"Host: evil.example"}, "", 403},
		{"JSON for another origin", "GET", "/stats.json", []string{"Origin: https://evil.example"}, "", 403},
		{"JSON for another page of the site", "GET", "/stats.json",
			[]string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"}, "", 403},
		{"JSON as a script of another site", "GET", "/stats.json",
			[]string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"}, "", 403},
		{"JSON under a rebound name", "GET", "/stats.json", []string{"Host: evil.example"}, "", 403},
		{"metrics under a rebound name", "GET", "/metrics", []string{"Host: evil.example"}, "", 403},
		{"the page in a frame of another site", "GET", "/",
			[]string{browser, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"}, "", 403},
		{"JSON through a proxy", "GET", "/stats.json", []string{"X-Forwarded-For: 203.0.113.9"}, "", 401},
		{"files outside of the assets", "GET", "/assets/..%2fhandler.go", nil, "", 404},
		{"the templates", "GET", "/assets/page.html", nil, "", 404},
	}
}

func TestAttacksChangeNothing(t *testing.T) {
	w := watch(t, Options{Token: testToken})
	c := w.login("auser")
	cookie, csrf := w.signIn()
	kick := "/sessions/" + itoa(w.srv.Stats().Sessions[0].ID) + "/kick"
	all := append(kicks(cookie, csrf, w.http.URL), others(cookie)...)
	require.Greater(t, len(all), 50)
	for _, a := range all {
		t.Run(a.name, func(t *testing.T) {
			resp, _ := w.do(w.request(a.method, strings.Replace(a.path, "KICK", kick, 1), a.body, a.headers...))
			assert.Equal(t, a.want, resp.StatusCode)
			assert.Empty(t, resp.Cookies())
			assert.Empty(t, resp.Header.Get("Access-Control-Allow-Origin"))
			assert.Empty(t, w.drains)
			c.say("NOOP", "200")
		})
	}
}

func TestWithoutATokenThereAreNoActions(t *testing.T) {
	w := watch(t, Options{})
	c := w.dial()
	kick := "/sessions/" + itoa(w.srv.Stats().Sessions[0].ID) + "/kick"
	unsigned := newKeys("").cookie(time.Now().Add(time.Hour))
	for _, headers := range [][]string{nil, {"Authorization: Bearer "}, {"Cookie: " + cookieName + "=" + unsigned}} {
		for _, path := range []string{kick, "/drain", "/login"} {
			resp, _ := w.do(w.request("POST", path, "token=", append(headers, formType)...))
			assert.Equal(t, http.StatusForbidden, resp.StatusCode, path)
		}
	}
	assert.Empty(t, w.drains)
	c.say("NOOP", "200")
}

// raw sends bytes unchanged and returns the status code.
func (w *watched) raw(request string) int {
	w.t.Helper()
	nc, err := net.Dial("tcp", w.http.Listener.Addr().String())
	require.NoError(w.t, err)
	defer nc.Close()
	require.NoError(w.t, nc.SetDeadline(time.Now().Add(10*time.Second)))
	go io.WriteString(nc, request)
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	require.NoError(w.t, err)
	resp.Body.Close()
	return resp.StatusCode
}

func TestRequestsThatNoClientShouldSend(t *testing.T) {
	w := watch(t, Options{Token: testToken})
	for _, c := range []struct {
		name, request string
		want          int
	}{
		{"no Host, HTTP/1.0", "GET /stats.json HTTP/1.0\r\n\r\n", 403},
		{"no Host, HTTP/1.1", "GET /stats.json HTTP/1.1\r\n\r\n", 400},
		{"empty Host", "GET /stats.json HTTP/1.1\r\nHost: \r\n\r\n", 403},
		{"two Hosts", "GET /stats.json HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400},
		{"Host against an absolute address", "GET http://evil.example/stats.json HTTP/1.1\r\nHost: localhost\r\n\r\n", 403},
		{"Host with a user", "GET /stats.json HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n", 400},
		{"Host with a strange port", "GET /stats.json HTTP/1.1\r\nHost: localhost:evil\r\n\r\n", 403},
		{"header without end", "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("a", 2<<20) + "\r\n\r\n", 431},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, w.raw(c.request)) })
	}
}

func TestLocalNamesAreServed(t *testing.T) {
	w := watch(t, Options{})
	for _, host := range []string{"localhost", "LOCALHOST:5010", "localhost.", "127.0.0.1", "127.0.0.2:80", "[::1]:5010",
		"[::1]", "[::ffff:127.0.0.1]"} {
		resp, _ := w.get("/stats.json", "Host: "+host)
		assert.Equal(t, http.StatusOK, resp.StatusCode, host)
	}
}

func TestALinkFromElsewhereLeadsToThePage(t *testing.T) {
	w := watch(t, Options{})
	resp, _ := w.get("/", browser, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
	assert.Equal(t, http.StatusOK, resp.StatusCode)
}

func TestForeignNamesAreNeverMarkup(t *testing.T) {
	w := watch(t, Options{Token: testToken})
	const user = "<img src=x onerror=alert(1)>"
	c := w.login(user)
	c.store("<script>alert(1)<", `"'</script>`)
	c.say("EPSV", "229")
	for _, path := range []string{"/", "/stats.json"} {
		_, body := w.get(path, browser)
		assert.NotContains(t, body, "<img src=x", path)
		assert.NotContains(t, body, "<script>alert", path)
		assert.Contains(t, body, "onerror", path+" shows the name, escaped")
	}
	resp, _ := w.get("/stats.json")
	assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	_, body := w.get("/metrics")
	assert.NotContains(t, body, "img")
	assert.NotContains(t, body, "127.0.0.1")
}

func TestNamesDoNotDisturbWhoeverShowsThem(t *testing.T) {
	for in, want := range map[string]string{
		"plain":             "plain",
		"tab\tand\nline":    "tab?and?line",
		"\x1b[31mred":       "?[31mred",
		"exe.\u202Egpj":     "exe.?gpj",
		"zero\u200Bwidth":   "zero?width",
		"line\u2028end":     "line?end",
		"C1\u009bcontrol":   "C1?control",
		"Grüße 世界 <b>&amp;": "Grüße 世界 <b>&amp;",
	} {
		t.Run(fmt.Sprintf("%q", in), func(t *testing.T) { assert.Equal(t, want, clean(in)) })
	}
}
