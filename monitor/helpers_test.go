package monitor

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

const testToken = "0123456789abcdef-token"

// watched is an FTP server with its monitor behind a real HTTP server.
type watched struct {
	t       *testing.T
	srv     *paradise.Server
	ftp     string
	handler *Handler
	http    *httptest.Server
	local   *net.TCPAddr // the address at which requests seem to arrive; nil: the real one
	drains  chan struct{}
}

func watch(t *testing.T, o Options) *watched {
	t.Helper()
	w := &watched{t: t, drains: make(chan struct{}, 8)}
	w.srv = &paradise.Server{
		Auth:   paradise.Accounts{"auser": "secret", "<img src=x onerror=alert(1)>": "secret"},
		Files:  memfs.New(),
		Limits: paradise.Limits{FailedDelay: -1},
		Logger: slog.New(slog.DiscardHandler),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w.ftp = l.Addr().String()
	go w.srv.Serve(l)
	t.Cleanup(func() { w.srv.Close() })
	o.Drain = func() { w.drains <- struct{}{} }
	w.handler, err = New(w.srv, o)
	require.NoError(t, err)
	w.http = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.local != nil {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, w.local))
		}
		w.handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.http.Close)
	t.Cleanup(w.handler.Close)
	return w
}

// client is an FTP client that sends given lines.
type client struct {
	t  *testing.T
	nc net.Conn
	r  *bufio.Reader
}

// dial connects a client and reads the greeting.
func (w *watched) dial() *client {
	w.t.Helper()
	nc, err := net.Dial("tcp", w.ftp)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { nc.Close() })
	require.NoError(w.t, nc.SetDeadline(time.Now().Add(20*time.Second)))
	c := &client{t: w.t, nc: nc, r: bufio.NewReader(nc)}
	c.reply("220")
	return c
}

// login dials and logs in.
func (w *watched) login(user string) *client {
	c := w.dial()
	c.say("USER "+user, "331")
	c.say("PASS secret", "230")
	return c
}

func (c *client) say(line, code string) string {
	c.t.Helper()
	_, err := io.WriteString(c.nc, line+"\r\n")
	require.NoError(c.t, err)
	return c.reply(code)
}

func (c *client) reply(code string) string {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	require.NoError(c.t, err)
	require.True(c.t, strings.HasPrefix(line, code+" "), line)
	return line
}

// store uploads a file.
func (c *client) store(name, body string) {
	c.t.Helper()
	line := c.say("EPSV", "229")
	port := strings.Trim(line[strings.Index(line, "|||")+3:], "|)\r\n")
	data, err := net.Dial("tcp", "127.0.0.1:"+port)
	require.NoError(c.t, err)
	c.say("STOR "+name, "150")
	_, err = io.WriteString(data, body)
	require.NoError(c.t, err)
	require.NoError(c.t, data.Close())
	c.reply("226")
}

// request returns a request with headers given as "Name: value"; "Host: " sets the host.
func (w *watched) request(method, path, body string, headers ...string) *http.Request {
	w.t.Helper()
	r, err := http.NewRequest(method, w.http.URL+path, strings.NewReader(body))
	require.NoError(w.t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	return r
}

// do sends a request and returns the response and its body. It follows no redirects.
func (w *watched) do(r *http.Request) (*http.Response, string) {
	w.t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return resp, string(body)
}

func (w *watched) get(path string, headers ...string) (*http.Response, string) {
	w.t.Helper()
	return w.do(w.request("GET", path, "", headers...))
}

const browser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// signIn returns the cookie as a header line and the page's proof.
func (w *watched) signIn() (cookie, csrf string) {
	w.t.Helper()
	resp, _ := w.do(w.request("POST", "/login", "token="+testToken, "Content-Type: application/x-www-form-urlencoded",
		"Origin: "+w.http.URL))
	require.Equal(w.t, http.StatusSeeOther, resp.StatusCode)
	require.Len(w.t, resp.Cookies(), 1)
	c := resp.Cookies()[0]
	cookie = "Cookie: " + c.Name + "=" + c.Value
	_, body := w.get("/", browser, cookie)
	_, rest, ok := strings.Cut(body, `data-csrf="`)
	require.True(w.t, ok)
	csrf, _, _ = strings.Cut(rest, `"`)
	require.NotEmpty(w.t, csrf)
	return cookie, csrf
}
