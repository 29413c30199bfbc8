//go:build unix

package clients_test

import (
	"context"
	"crypto/tls"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/osfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const password = "se cret" // passwords may contain a space

// site is a server under test: one per way of using TLS, on IPv4 and IPv6.
type site struct {
	srv    *paradise.Server
	folder string
	seen   *recorder
	ports  map[family]string
	log    *syncBuffer
	ca     string
}

// newSite serves an empty folder until the test ends, and then checks that nothing is left
// over.
func newSite(t testing.TB, ca *authority, mode tlsMode, change func(*paradise.Server)) *site {
	s := &site{folder: t.TempDir(), seen: newRecorder(), ports: map[family]string{}, log: &syncBuffer{}, ca: ca.file}
	files, err := osfs.Open(s.folder, osfs.Options{})
	require.NoError(t, err)
	s.srv = &paradise.Server{
		Auth:   accounts(),
		Files:  files,
		Policy: paradise.Policy{Trace: true},
		Limits: paradise.Limits{SessionsPerIP: -1, LoginsPerMin: -1, BanAfter: -1},
		Hooks:  s.seen.hooks(),
		Logger: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if mode != plain {
		s.srv.TLSConfig = serverTLS(t, ca, mode)
	} else {
		s.srv.Policy.TLS = paradise.TLSOptional
	}
	if change != nil {
		change(s.srv)
	}
	var serving sync.WaitGroup
	for fam, host := range map[family]string{ipv4: "127.0.0.1", ipv6: "::1"} {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(host, "0"))
		require.NoError(t, err, "the matrix needs %s", fam)
		_, s.ports[fam], _ = net.SplitHostPort(l.Addr().String())
		serve := s.srv.Serve
		if mode == implicit {
			serve = s.srv.ServeTLS
		}
		serving.Go(func() { assert.ErrorIs(t, serve(l), paradise.ErrServerClosed) })
	}
	t.Cleanup(func() {
		s.stop(t)
		serving.Wait()
		assert.NoError(t, files.Close())
		assert.Empty(t, temporaries(t, s.folder), "temporaries in the folder")
	})
	return s
}

// accounts has a user for each client, with the concession that the client needs.
func accounts() paradise.AuthDriver {
	known, concession := paradise.Accounts{}, map[string]func(*paradise.Policy){}
	for _, c := range allClients() {
		known[c.name], concession[c.name] = password, c.policy
	}
	return paradise.AuthFunc(func(ctx context.Context, s *paradise.Session,
		cred paradise.Credentials) (*paradise.User, error) {
		u, err := known.Authenticate(ctx, s, cred)
		if err != nil || concession[cred.User] == nil {
			return u, err
		}
		p := s.Policy
		concession[cred.User](&p)
		return &paradise.User{Name: cred.User, Policy: &p}, nil
	})
}

// serverTLS fixes the TLS version if the matrix does, and offers both kinds of certificates.
func serverTLS(t testing.TB, ca *authority, mode tlsMode) *tls.Config {
	switch mode {
	case tls12:
		return &tls.Config{Certificates: []tls.Certificate{ca.rsa(t)}, MaxVersion: tls.VersionTLS12}
	case tls13:
		return &tls.Config{Certificates: []tls.Certificate{ca.ecdsa(t)}, MinVersion: tls.VersionTLS13}
	}
	return &tls.Config{Certificates: []tls.Certificate{ca.ecdsa(t), ca.rsa(t)}}
}

// stop ends the server and checks the invariants that hold after any use.
func (s *site) stop(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	assert.NoError(t, s.srv.Shutdown(ctx), "a session did not end")
	stats := s.srv.Stats()
	assert.Zero(t, stats.Unexpected, "replies outside the command table")
	assert.Zero(t, stats.Panics, "panics")
	assert.Zero(t, stats.Stuck, "driver calls that hang")
	assert.Zero(t, stats.PassiveListeners, "passive listeners left open")
	assert.Empty(t, stats.Sessions)
	if t.Failed() && os.Getenv("PARADISE_TRACE") != "" {
		t.Log(s.log.String())
	}
}

// path returns the path on the disk of a virtual name.
func (s *site) path(name string) string { return filepath.Join(s.folder, filepath.FromSlash(name)) }

// temporaries returns the files that uploads, or the driver, have left behind.
func temporaries(t testing.TB, folder string) []string {
	var found []string
	assert.NoError(t, filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(e.Name(), ".paradise-") {
			found = append(found, path)
		}
		return err
	}))
	return found
}

// syncBuffer is a log that is safe for concurrent use. It keeps only the latest part, which
// explains a failure.
type syncBuffer struct {
	mu  sync.Mutex
	buf []byte
}

var _ io.Writer = (*syncBuffer)(nil)

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.buf) > 4<<20 {
		b.buf = b.buf[len(b.buf)/2:]
	}
	b.buf = append(b.buf, p...)
	return len(p), nil
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.buf)
}

// limit bounds every external command.
const limit = 30 * time.Second
