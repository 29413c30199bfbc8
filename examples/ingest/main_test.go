package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
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
	"github.com/paradiseftp/paradise/paradisetest"
)

// archive is the HTTP service at the other end. It keeps complete uploads.
type archive struct {
	refuse int           // status of a refusal; 0: it accepts uploads
	begun  chan struct{} // receives when a body has started
	broken chan error    // receives when a body has ended early

	mu    sync.Mutex
	files map[string]file
}

type file struct{ content, contentType, user string }

func newArchive() *archive {
	return &archive{begun: make(chan struct{}, 1000), broken: make(chan error, 1000), files: make(map[string]file)}
}

func (a *archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.refuse != 0 {
		w.WriteHeader(a.refuse)
		return
	}
	a.begun <- struct{}{}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		a.broken <- err
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[r.URL.Path] = file{string(body), r.Header.Get("Content-Type"), r.Header.Get("X-Ftp-User")}
}

func (a *archive) file(name string) (file, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f, ok := a.files[name]
	return f, ok
}

// start starts an FTP server in front of an archive and logs in a client; control is the
// client's control connection.
func start(t *testing.T, a *archive) (c *ftp.ServerConn, control net.Conn) {
	t.Helper()
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
	a := newArchive()
	c, _ := start(t, a)
	big := strings.Repeat("one line of many\n", 100_000)
	require.NoError(t, c.Stor("/gate 7/a#b?.txt", strings.NewReader(big)))
	require.NoError(t, c.Stor("empty.jpg", strings.NewReader("")))

	f, _ := a.file("/gate 7/a#b?.txt")
	assert.True(t, f.content == big, "all bytes, in order")
	assert.Equal(t, "text/plain", f.contentType)
	assert.Equal(t, "camera", f.user)
	f, found := a.file("/empty.jpg")
	assert.True(t, found, "an empty file is a file")
	assert.Equal(t, file{user: "camera"}, f)
}

func TestARefusalOfTheEndpointIsNo226(t *testing.T) {
	a := newArchive()
	a.refuse = http.StatusServiceUnavailable
	c, _ := start(t, a)
	assertCode(t, 451, c.Stor("a.txt", strings.NewReader("hello")))
	require.NoError(t, c.NoOp(), "the session goes on")
}

func TestAnUploadWhoseClientVanishesNeverLooksWhole(t *testing.T) {
	a := newArchive()
	c, control := start(t, a)
	r, w := io.Pipe()
	stored := make(chan error, 1)
	go func() { stored <- c.Stor("half.bin", r) }()
	_, err := w.Write(make([]byte, 1<<20))
	require.NoError(t, err)
	<-a.begun
	require.NoError(t, control.Close())
	require.Error(t, <-a.broken, "the endpoint sees a body without its end")
	w.Close()
	require.Error(t, <-stored)
	_, found := a.file("/half.bin")
	assert.False(t, found)
}

func TestItIsUploadOnly(t *testing.T) {
	c, _ := start(t, newArchive())
	_, err := c.Retr("a.txt")
	assertCode(t, 502, err)
	assertCode(t, 502, c.Delete("a.txt"))
	assertCode(t, 502, c.Append("a.txt", strings.NewReader("more")))
	entries, err := c.List("/")
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// TestFileDriver reads back the stored files from the archive.
func TestItKeepsTheContractOfDrivers(t *testing.T) {
	archives := make(map[string]*archive)
	newEndpoint := func(tb testing.TB) paradise.FileDriver {
		a := newArchive()
		web := httptest.NewServer(a)
		tb.Cleanup(web.Close)
		archives[web.URL] = a
		return endpoint{url: web.URL}
	}
	whatArrived := func(d paradise.FileDriver, name string) ([]byte, error) {
		f, found := archives[d.(endpoint).url].file(name)
		if !found {
			return nil, fs.ErrNotExist
		}
		return []byte(f.content), nil
	}
	without := paradisetest.WithoutAllButStore
	paradisetest.TestFileDriver(t, paradisetest.DriverOptions{New: newEndpoint, Without: without, ReadBack: whatArrived})
}

func TestStoreRefusesWhatAPutCannotDo(t *testing.T) {
	for name, o := range map[string]paradise.StoreOptions{
		"append": {Append: true}, "resume": {Offset: 1}, "exclusive": {Exclusive: true},
	} {
		_, err := endpoint{}.Store(context.Background(), &paradise.Session{}, "/a", o)
		assert.ErrorIs(t, err, errors.ErrUnsupported, name)
	}
}
