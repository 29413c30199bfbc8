package endurance

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/osfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

// server serves a folder from this process.
type server struct {
	*paradisetest.Server
	dir   string
	files *osfs.Driver
}

// serve starts a server of a folder without limits per address, because all clients of the
// tests have the same one.
func serve(t *testing.T, dir string, change func(*paradise.Server)) *server {
	t.Helper()
	files, err := osfs.Open(dir, osfs.Options{})
	require.NoError(t, err)
	srv := &paradise.Server{
		Auth:   paradise.Accounts{"auser": "secret"},
		Files:  files,
		Limits: paradise.Limits{SessionsPerIP: -1, LoginsPerMin: -1, FailedDelay: -1, BanAfter: -1},
		Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(srv)
	}
	s := &server{Server: paradisetest.NewServer(t, srv), dir: dir, files: files}
	t.Cleanup(func() { files.Close() })
	return s
}

// stop ends the server before the end of the test, and frees everything that it holds.
func (s *server) stop(t *testing.T) {
	t.Helper()
	s.Close()
	require.NoError(t, s.files.Close())
}

// must logs in or fails the test.
func must(t *testing.T, addr string) *client {
	t.Helper()
	c, err := login(addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.conn.Close() })
	return c
}

// holdsFile fails unless a file is there with exactly these bytes.
func holdsFile(t *testing.T, want []byte, dir, name string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, b), "%s has %d bytes and not the %d", name, len(b), len(want))
}

// stores uploads a file and expects a reply code.
func stores(t *testing.T, c *client, want int, command string, data []byte) string {
	t.Helper()
	code, text, err := c.store(command, data)
	require.NoError(t, err)
	require.Equal(t, want, code, text)
	return text
}
