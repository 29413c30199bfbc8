package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

var (
	anna    = paradise.Credentials{User: "anna", Password: "pa55word-X", HasPassword: true}
	session = &paradise.Session{
		ID:     7,
		Local:  netip.MustParseAddrPort("192.0.2.1:21"),
		Remote: netip.MustParseAddrPort("[::ffff:198.51.100.9]:40000"),
		Host:   "ftp.example.com",
		Policy: paradise.Policy{Deny: paradise.PermChmod, MaxFileSize: 100, UploadRate: 10, MaxSessions: 3, Trace: true},
	}
)

// serveFunc starts a service and returns a driver for it.
func serveFunc(t *testing.T, f http.HandlerFunc) *Driver {
	t.Helper()
	ts := httptest.NewServer(f)
	t.Cleanup(ts.Close)
	return &Driver{URL: ts.URL + "/login?token=t0ken"}
}

// answering starts a service that always gives the same answer.
func answering(t *testing.T, status int, body string) *Driver {
	t.Helper()
	return serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

func login(d *Driver) (*paradise.User, error) {
	return d.Authenticate(context.Background(), session, anna)
}

func TestVerdicts(t *testing.T) {
	long := strings.Repeat(" ", maxAnswer)
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   error // nil: the user is logged in
	}{
		{"allowed", 200, `{"allow": true}`, nil},
		{"unknown fields are ignored", 200, `{"allow": true, "colour": "blue"}`, nil},
		{"refused by status 401", 401, `{"allow": true}`, paradise.ErrBadCredentials},
		{"refused by status 403", 403, `nonsense`, paradise.ErrBadCredentials},
		{"refused by answer", 200, `{"allow": false}`, paradise.ErrBadCredentials},
		{"account needed", 200, `{"need": "account"}`, paradise.ErrNeedAccount},
		{"need goes before allow", 200, `{"need": "account", "allow": true}`, paradise.ErrNeedAccount},
		{"password needed", 200, `{"need": "password"}`, paradise.ErrNeedPassword},
		{"need of something else", 200, `{"need": "money", "allow": true}`, ErrUnavailable},
		{"no verdict", 200, `{}`, ErrUnavailable},
		{"null", 200, `null`, ErrUnavailable},
		{"null verdict", 200, `{"allow": null}`, ErrUnavailable},
		{"not JSON", 200, `<html>`, ErrUnavailable},
		{"wrong type", 200, `{"allow": "true"}`, ErrUnavailable},
		{"something behind", 200, `{"allow": true} {}`, ErrUnavailable},
		{"cut", 200, `{"allow": true`, ErrUnavailable},
		{"empty", 200, ``, ErrUnavailable},
		{"just too long", 200, `{"allow":true}` + long, ErrUnavailable},
		{"just not too long", 200, `{"allow":true}` + long[14:], nil},
		{"status 500", 500, `{"allow": true}`, ErrUnavailable},
		{"status 503", 503, `{"allow": true}`, ErrUnavailable},
		{"status 404", 404, `{"allow": true}`, ErrUnavailable},
		{"status 429", 429, `{"allow": true}`, ErrUnavailable},
		{"status 201", 201, `{"allow": true}`, ErrUnavailable},
		{"unknown permission", 200, `{"allow": true, "deny": ["fly"]}`, ErrUnavailable},
		{"unknown tls", 200, `{"allow": true, "tls": "maybe"}`, ErrUnavailable},
		{"relative home", 200, `{"allow": true, "home": "anna"}`, ErrUnavailable},
		{"home with a line end", 200, `{"allow": true, "home": "/a\n"}`, ErrUnavailable},
		{"name with a line end", 200, `{"allow": true, "name": "a\r\n"}`, ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, err := login(answering(t, c.status, c.body))
			if c.want == nil {
				require.NoError(t, err)
				require.NotNil(t, u)
				return
			}
			require.ErrorIs(t, err, c.want)
			assert.Nil(t, u)
			if c.want == ErrUnavailable {
				assert.False(t, isVerdict(err), "an outage is not about the login")
			}
		})
	}
}

func TestUserOfAnAnswer(t *testing.T) {
	base := session.Policy
	for _, c := range []struct {
		name, body string
		want       func(u *paradise.User)
	}{
		{"nothing said leaves the policy", `{"allow":true}`, func(*paradise.User) {}},
		{"name and home", `{"allow":true,"name":"Anna","home":"/a/../b/"}`,
			func(u *paradise.User) { u.Name, u.Home = "Anna", "/b" }},
		{"deny adds", `{"allow":true,"deny":["delete","mkdir"]}`,
			func(u *paradise.User) { u.Policy.Deny |= paradise.PermDelete | paradise.PermMkdir }},
		{"preset", `{"allow":true,"deny":["all-but-upload"]}`,
			func(u *paradise.User) { u.Policy.Deny |= paradise.PermAllButUpload }},
		{"bounds", `{"allow":true,"maxFileSize":5,"uploadRate":6,"downloadRate":7,"maxSessions":8}`,
			func(u *paradise.User) {
				u.Policy.MaxFileSize, u.Policy.UploadRate, u.Policy.DownloadRate, u.Policy.MaxSessions = 5, 6, 7, 8
			}},
		{"negative is no bound, zero is silence", `{"allow":true,"maxFileSize":-1,"uploadRate":0,"maxSessions":-1}`,
			func(u *paradise.User) { u.Policy.MaxFileSize, u.Policy.MaxSessions = 0, 0 }},
		{"tls", `{"allow":true,"tls":"required"}`,
			func(u *paradise.User) { u.Policy.TLS = paradise.TLSRequired }},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := login(answering(t, 200, c.body))
			require.NoError(t, err)
			policy := base
			want := &paradise.User{Policy: &policy}
			c.want(want)
			require.IsType(t, &Answer{}, got.Value)
			got.Value = nil
			assert.Equal(t, want, got)
			assert.Equal(t, base, session.Policy, "the session's policy is copied, not changed")
		})
	}
}

func TestRequest(t *testing.T) {
	cert := &x509.Certificate{Raw: []byte("raw"), Subject: pkix.Name{CommonName: "camera 1"}}
	for _, c := range []struct {
		name string
		tls  *tls.ConnectionState
		want string
	}{
		{"in the clear", nil, `null`},
		{"TLS", &tls.ConnectionState{Version: tls.VersionTLS13, ServerName: "a.example"},
			`{"version":"TLS 1.3","serverName":"a.example","clientCertificate":null}`},
		{"certificate", &tls.ConnectionState{Version: tls.VersionTLS12, PeerCertificates: []*x509.Certificate{cert}},
			`{"version":"TLS 1.2","serverName":"","clientCertificate":{"subject":"CN=camera 1",
			"sha256":"d7439bee24773bcbfa2d0a97947ee36227b10d1022b1a55847e928965bb6bfde","verified":false}}`},
		{"verified certificate", &tls.ConnectionState{Version: tls.VersionTLS12,
			PeerCertificates: []*x509.Certificate{cert}, VerifiedChains: [][]*x509.Certificate{{cert}}},
			`{"version":"TLS 1.2","serverName":"","clientCertificate":{"subject":"CN=camera 1",
			"sha256":"d7439bee24773bcbfa2d0a97947ee36227b10d1022b1a55847e928965bb6bfde","verified":true}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got map[string]any
			var head http.Header
			d := serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, http.MethodPost, r.Method)
				assert.Equal(t, "/login?token=t0ken", r.URL.String())
				head = r.Header.Clone()
				json.NewDecoder(r.Body).Decode(&got)
				io.WriteString(w, `{"allow":true}`)
			})
			s := *session
			s.TLS = c.tls
			cred := anna
			cred.Account = "billing"
			_, err := d.Authenticate(t.Context(), &s, cred)
			require.NoError(t, err)
			assert.Equal(t, "application/json", head.Get("Content-Type"))
			assert.Empty(t, head.Get(headerSignature), "no secret, no signature")

			sent, err := time.Parse(time.RFC3339, got["time"].(string))
			require.NoError(t, err)
			assert.WithinDuration(t, time.Now(), sent, time.Minute)
			assert.NotEmpty(t, got["nonce"])
			delete(got, "time")
			delete(got, "nonce")
			text, err := json.Marshal(got)
			require.NoError(t, err)
			assert.JSONEq(t, `{"user":"anna","password":"pa55word-X","hasPassword":true,"account":"billing",
				"address":"198.51.100.9","server":"192.0.2.1:21","host":"ftp.example.com","session":7,
				"tls":`+c.want+`}`, string(text))
		})
	}
}

func TestNoncesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		seen[newRequest(session, anna, time.Now()).Nonce] = true
	}
	assert.Len(t, seen, 100)
}

func TestURLRules(t *testing.T) {
	for _, c := range []struct {
		url      string
		insecure bool
		ok       bool
	}{
		{"https://login.example.com/x", false, true},
		{"http://login.example.com/x", false, false},
		{"http://login.example.com/x", true, true},
		{"http://127.0.0.1:1", false, true},
		{"http://[::1]:1", false, true},
		{"http://localhost:1", false, true},
		{"http://localhost.example.com", false, false},
		{"ftp://127.0.0.1", true, false},
		{"", false, false},
		{"https://", false, false},
		{"http://user:t0ken@bad host/%zz", true, false},
	} {
		t.Run(c.url, func(t *testing.T) {
			d := &Driver{URL: c.url, Insecure: c.insecure}
			err := d.Validate()
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "t0ken")
			_, err = login(d)
			require.ErrorIs(t, err, ErrUnavailable, "an invalid driver lets nobody in")
		})
	}
	assert.Error(t, (&Driver{URL: "https://a", Timeout: -1}).Validate())
}

func TestRedirectsAreRefused(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere.Add(1)
		io.WriteString(w, `{"allow":true}`)
	}))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, client := range []*http.Client{nil, {}} {
			d := serveFunc(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
			d.Client = client
			_, err := login(d)
			require.ErrorIs(t, err, ErrUnavailable)
		}
	}
	assert.Zero(t, elsewhere.Load())
}

func TestTLSOfTheServiceIsVerified(t *testing.T) {
	ts := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"allow":true}`)
	}))
	defer ts.Close()
	ts.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	_, err := login(&Driver{URL: ts.URL})
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "certificate")

	_, err = login(&Driver{URL: ts.URL, Client: ts.Client()})
	require.NoError(t, err, "a client that trusts it")
}

func TestSlowServiceIsAnOutage(t *testing.T) {
	for _, part := range []string{"head", "body"} {
		t.Run(part, func(t *testing.T) {
			d := serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				if part == "body" {
					io.WriteString(w, `{"allow":`)
					w.(http.Flusher).Flush()
				}
				<-r.Context().Done()
			})
			d.Timeout = 30 * time.Millisecond
			_, err := login(d)
			require.ErrorIs(t, err, ErrUnavailable)
			require.ErrorIs(t, err, errSlow)
		})
	}
}

func TestServiceThatIsNotThereIsAnOutage(t *testing.T) {
	ts := httptest.NewServer(nil)
	ts.Close()
	_, err := login(&Driver{URL: ts.URL})
	require.ErrorIs(t, err, ErrUnavailable)
}

func TestConcurrencyIsBounded(t *testing.T) {
	var now, most atomic.Int32
	release := make(chan struct{})
	arrived := make(chan struct{}, 10)
	d := serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		arrived <- struct{}{}
		<-release
		io.WriteString(w, `{"allow":true}`)
	})
	d.Concurrency = 2
	d.Timeout = time.Minute
	var logins sync.WaitGroup
	for range 10 {
		logins.Go(func() {
			_, err := login(d)
			assert.NoError(t, err)
		})
	}
	<-arrived
	<-arrived

	// If all places are taken and a login cannot wait, it fails with ErrBusy, which the
	// breaker does not count.
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("client left"))
	_, err := d.Authenticate(ctx, session, anna)
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "client left")

	close(release)
	logins.Wait()
	assert.EqualValues(t, 2, most.Load())
	assert.Zero(t, d.breaker.failures)
}

func TestPasswordIsAskedForBeforeTheService(t *testing.T) {
	var asked []Request
	d := serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
		var req Request
		json.NewDecoder(r.Body).Decode(&req)
		asked = append(asked, req)
		io.WriteString(w, `{"need":"password"}`)
	})
	_, err := d.Authenticate(t.Context(), session, paradise.Credentials{User: "anna"})
	require.ErrorIs(t, err, paradise.ErrNeedPassword)
	require.Empty(t, asked)

	d = &Driver{URL: d.URL, AskAtUser: true}
	_, err = d.Authenticate(t.Context(), session, paradise.Credentials{User: "anna"})
	require.ErrorIs(t, err, paradise.ErrNeedPassword)
	require.Len(t, asked, 1)
	assert.False(t, asked[0].HasPassword)
}

func TestCredentialsThatAreNotUTF8AreRefusedUnasked(t *testing.T) {
	d := serveFunc(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	for _, c := range []paradise.Credentials{
		{User: "a\xff", Password: "p", HasPassword: true},
		{User: "a", Password: "p\xff", HasPassword: true},
		{User: "a", Password: "p", HasPassword: true, Account: "\xff"},
	} {
		_, err := d.Authenticate(t.Context(), session, c)
		require.ErrorIs(t, err, paradise.ErrBadCredentials)
	}
}

func TestCompleteFinishesTheUser(t *testing.T) {
	d := answering(t, 200, `{"allow":true,"value":{"bucket":"b1"}}`)
	d.Complete = func(_ context.Context, s *paradise.Session, a *Answer, u *paradise.User) error {
		assert.Same(t, session, s)
		u.Value = string(a.Value)
		u.Policy.RawASCII = true
		return nil
	}
	u, err := login(d)
	require.NoError(t, err)
	assert.Equal(t, `{"bucket":"b1"}`, u.Value)
	assert.True(t, u.Policy.RawASCII)

	d.Complete = func(context.Context, *paradise.Session, *Answer, *paradise.User) error {
		return paradise.ErrBadCredentials
	}
	_, err = login(d)
	require.ErrorIs(t, err, paradise.ErrBadCredentials)
}

func TestSecretsAreNeverShown(t *testing.T) {
	secrets := []string{"pa55word-X", "s3cret-key", "t0ken", "5566778899"}
	var shown []string
	show := func(err error) { shown = append(shown, fmt.Sprintf("%v %+v %#v", err, err, err)) }

	for _, body := range []string{`"pa55word-X"`, `{"need":"pa55word-X"}`, `{"allow":true,"tls":"pa55word-X"}`,
		`{"allow":true,"maxSessions":5566778899.5}`} {
		d := answering(t, 200, body)
		d.Secret = []byte("s3cret-key")
		_, err := login(d)
		require.Error(t, err)
		show(err)
		shown = append(shown, fmt.Sprintf("%v %+v %#v %s", d, d, d, d.LogValue()))
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	_, err := login(&Driver{URL: strings.Replace(closed.URL, "//", "//u:t0ken@", 1) + "/?t=t0ken"})
	require.Error(t, err)
	show(err)
	_, err = login(&Driver{URL: "http://u:t0ken@127.0.0.1:port/%zz"})
	require.Error(t, err)
	show(err)
	r := newRequest(session, anna, time.Now())
	shown = append(shown, fmt.Sprintf("%v %+v %#v %s", r, r, r, r.LogValue()))

	for _, text := range shown {
		for _, s := range secrets {
			assert.NotContains(t, text, s)
		}
	}
}
