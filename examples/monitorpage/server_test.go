package monitorpage_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jlaffaye/ftp"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/monitor"
	"github.com/paradiseftp/paradise/osfs"
)

const token = "correct horse battery staple"

// watched is an FTP server and its monitor.
type watched struct {
	t       *testing.T
	srv     *paradise.Server
	addr    string
	page    string
	drained chan struct{}
	older   atomic.Pointer[[]monitor.Generation] // processes that drain
}

func newWatched(t *testing.T) *watched {
	w := &watched{t: t, drained: make(chan struct{})}
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "press-kit.txt"), text(150<<20), 0o644))
	files, err := osfs.Open(folder, osfs.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { files.Close() })
	w.srv = &paradise.Server{
		Auth: paradise.Accounts{"auser": "secret", "camera-07": "secret", "press": "secret",
			"<img src=x onerror=alert(1)>": "secret"},
		Files:  files,
		Limits: paradise.Limits{FailedDelay: -1},
		Policy: paradise.Policy{DownloadRate: 400 << 10, Gate: paradise.Gate{Deny: []string{"application/x-executable"}}},
		Logger: slog.New(slog.DiscardHandler),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w.addr = l.Addr().String()
	go w.srv.Serve(l)
	t.Cleanup(func() { w.srv.Close() })
	w.older.Store(new([]monitor.Generation))
	h, err := monitor.New(w.srv,
		monitor.Options{Token: token, Drain: func() { close(w.drained) },
			Generations: func() []monitor.Generation { return *w.older.Load() }})
	require.NoError(t, err)
	hs := httptest.NewServer(h)
	t.Cleanup(hs.Close)
	t.Cleanup(h.Close)
	record, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	go h.Record(record)
	w.page = hs.URL + "/"
	return w
}

// login connects a client.
func (w *watched) login(user string) *ftp.ServerConn {
	w.t.Helper()
	c, err := ftp.Dial(w.addr, ftp.DialWithTimeout(10*time.Second))
	require.NoError(w.t, err)
	require.NoError(w.t, c.Login(user, "secret"))
	return c
}

// upload is an upload that the test feeds.
type upload struct {
	io.WriteCloser
	ended chan error
}

func startUpload(c *ftp.ServerConn, name string) *upload {
	r, w := io.Pipe()
	u := &upload{WriteCloser: w, ended: make(chan error, 1)}
	go func() { u.ended <- c.Stor(name, r) }()
	return u
}

// send feeds n bytes of text.
func (u *upload) send(t *testing.T, n int) {
	t.Helper()
	_, err := u.Write(bytes.Repeat([]byte("paradise "), n/9+1)[:n])
	require.NoError(t, err)
}

// put uploads a whole file.
func put(t *testing.T, c *ftp.ServerConn, name string, body []byte) error {
	t.Helper()
	return c.Stor(name, bytes.NewReader(body))
}

// text returns letters for an upload.
func text(n int) []byte { return bytes.Repeat([]byte("All work and all play. "), n/23+1)[:n] }

// sessionRow returns JavaScript for the row of a user, which is undefined if there is none.
func sessionRow(user string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#sessions tbody tr")].find(r => r.cells[0].textContent.startsWith(%q))`, user)
}
