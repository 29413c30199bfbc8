package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/jlaffaye/ftp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// archive is the HTTP service at the other end: it keeps what came whole.
type archive struct {
	mu     sync.Mutex
	files  map[string]string // by path, with type and user
	begun  chan string       // path of each request
	broken chan error        // one for each body that ended early
	refuse int
}

func (a *archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.begun <- r.URL.Path
	if a.refuse != 0 {
		w.WriteHeader(a.refuse)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		a.broken <- err
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("X-Ftp-User")] = string(body)
}

// start serves FTP in front of an archive and logs a client in; control is the
// client's control connection.
func start(t *testing.T, a *archive) (c *ftp.ServerConn, control net.Conn) {
	t.Helper()
	a.files, a.begun, a.broken = make(map[string]string), make(chan string, 2), make(chan error, 1)
	web := httptest.NewServer(a)
	t.Cleanup(web.Close)
	srv := &paradise.Server{Auth: paradise.Accounts{"camera": "secret"}, Files: endpoint{url: web.URL}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		assert.NoError(t, srv.Close())
		assert.ErrorIs(t, <-served, paradise.ErrServerClosed)
		assert.Zero(t, srv.Stats().Unexpected)
	})
	c, err = ftp.Dial(l.Addr().String(), ftp.DialWithDialFunc(func(network, address string) (net.Conn, error) {
		nc, err := net.Dial(network, address)
		if control == nil {
			control = nc
		}
		return nc, err
	}))
	require.NoError(t, err)
	t.Cleanup(func() { c.Quit() })
	require.NoError(t, c.Login("camera", "secret"))
	return c, control
}

func assertCode(t *testing.T, want int, err error) {
	t.Helper()
	var reply *textproto.Error
	require.ErrorAs(t, err, &reply)
	assert.Equal(t, want, reply.Code, reply.Msg)
}

func TestEveryFileReachesTheEndpoint(t *testing.T) {
	a := &archive{}
	c, _ := start(t, a)
	big := strings.Repeat("one line of many\n", 100_000)
	require.NoError(t, c.Stor("/gate 7/a#b?.txt", strings.NewReader(big)))
	require.NoError(t, c.Stor("empty.jpg", strings.NewReader("")))
	a.mu.Lock()
	defer a.mu.Unlock()
	require.Len(t, a.files, 2)
	assert.True(t, big == a.files["PUT /gate 7/a#b?.txt text/plain camera"], "all bytes, in order")
	assert.Contains(t, a.files, "PUT /empty.jpg  camera", "an empty file is a file, of no known type")
}

func TestARefusalOfTheEndpointIsNo226(t *testing.T) {
	c, _ := start(t, &archive{refuse: http.StatusServiceUnavailable})
	assertCode(t, 451, c.Stor("a.txt", strings.NewReader("hello")))
	require.NoError(t, c.NoOp(), "the session goes on")
}

func TestAnUploadWhoseClientVanishesNeverLooksWhole(t *testing.T) {
	a := &archive{}
	c, control := start(t, a)
	r, w := io.Pipe()
	stored := make(chan error, 1)
	go func() { stored <- c.Stor("half.bin", r) }()
	_, err := w.Write(make([]byte, 1<<20))
	require.NoError(t, err)
	require.Equal(t, "/half.bin", <-a.begun)
	require.NoError(t, control.Close())
	require.Error(t, <-a.broken, "the endpoint sees a body without its end")
	w.Close()
	require.Error(t, <-stored)
	a.mu.Lock()
	defer a.mu.Unlock()
	assert.Empty(t, a.files)
}

func TestItIsUploadOnly(t *testing.T) {
	c, _ := start(t, &archive{})
	_, err := c.Retr("a.txt")
	assertCode(t, 502, err)
	assertCode(t, 502, c.Delete("a.txt"))
	assertCode(t, 502, c.Append("a.txt", strings.NewReader("more")))
	entries, err := c.List("/")
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestStoreRefusesWhatAPutCannotDo(t *testing.T) {
	for name, o := range map[string]paradise.StoreOptions{
		"append": {Append: true}, "resume": {Offset: 1}, "exclusive": {Exclusive: true},
	} {
		_, err := endpoint{}.Store(context.Background(), &paradise.Session{}, "/a", o)
		assert.ErrorIs(t, err, errors.ErrUnsupported, name)
	}
}
