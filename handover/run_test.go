package handover

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// fakeServer records the calls of its methods.
type fakeServer struct {
	drains chan time.Duration // the grace of each Drain
	drain  func(context.Context) error
	closed chan struct{}
}

func newFake() *fakeServer {
	return &fakeServer{drains: make(chan time.Duration, 2), closed: make(chan struct{}, 1),
		drain: func(context.Context) error { return nil }}
}

func (f *fakeServer) Drain(ctx context.Context, grace time.Duration) error {
	f.drains <- grace
	return f.drain(ctx)
}

func (f *fakeServer) Close() error {
	f.closed <- struct{}{}
	return errors.New("closed")
}

// running starts Run on another goroutine and waits until it is ready.
func running(t *testing.T, o Options, srv Server, serve func() error) (stop context.CancelFunc, result chan error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ready := make(chan struct{})
	o.OnReady = func() { close(ready) }
	result = make(chan error, 1)
	go func() {
		result <- Run(ctx, o, func(p *Process) (Server, error) {
			p.Go(serve)
			return srv, nil
		})
	}()
	<-ready
	return stop, result
}

func TestRunDrainsWithoutGraceAtTheEndOfItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	srv := newFake()
	stop, result := running(t, Options{PIDFile: path, Grace: time.Hour}, srv, func() error { select {} })
	require.FileExists(t, path)
	stop()
	require.NoError(t, <-result)
	require.Zero(t, <-srv.drains)
	require.Empty(t, srv.closed)
	require.NoFileExists(t, path)
}

func TestRunClosesWhatDrainsForTooLong(t *testing.T) {
	srv := newFake()
	srv.drain = func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	stop, result := running(t, Options{DrainTimeout: time.Millisecond}, srv, func() error { select {} })
	stop()
	require.EqualError(t, <-result, "closed")
	require.Len(t, srv.closed, 1)
}

func TestRunEndsWithAServerThatFails(t *testing.T) {
	srv, fails := newFake(), make(chan error)
	_, result := running(t, Options{}, srv, func() error { return <-fails })
	fails <- os.ErrDeadlineExceeded
	require.ErrorIs(t, <-result, os.ErrDeadlineExceeded)
	require.Len(t, srv.closed, 1)
	require.Empty(t, srv.drains)
}

// If a program shuts down its server itself, transfers still end with their 226.
func TestRunWaitsForAShutdownOfTheProgramsOwn(t *testing.T) {
	for _, ending := range []error{nil, paradise.ErrServerClosed} {
		srv, ends := newFake(), make(chan error)
		_, result := running(t, Options{}, srv, func() error { return <-ends })
		ends <- ending
		require.NoError(t, <-result)
		require.Len(t, srv.drains, 1)
		require.Empty(t, srv.closed)
	}
}

func TestRunReturnsWhyItDidNotStart(t *testing.T) {
	err := Run(t.Context(), Options{}, func(*Process) (Server, error) { return nil, os.ErrPermission })
	require.ErrorIs(t, err, os.ErrPermission)
	path := filepath.Join(t.TempDir(), "missing", "pid")
	srv := newFake()
	err = Run(t.Context(), Options{PIDFile: path}, func(*Process) (Server, error) { return srv, nil })
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Len(t, srv.closed, 1)
}

func TestRunIsStoppedBeforeItIsReadyToo(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	srv := newFake()
	started := false
	err := Run(ctx, Options{OnReady: func() { started = true }}, func(*Process) (Server, error) {
		stop()
		return srv, nil
	})
	assert.EqualError(t, err, "closed")
	assert.False(t, started)
}

// A real server's Serve returns ErrServerClosed, whoever closes its listener. After a
// handover the predecessor closes it before it drains.
func TestServeOfAHandedOverListenerIsServerClosed(t *testing.T) {
	p := newProcess(t, Options{})
	l, err := p.Listen("ftp", "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := &paradise.Server{Policy: paradise.Policy{TLS: paradise.TLSOptional}}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	nc, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, l.Close())
	require.ErrorIs(t, <-served, paradise.ErrServerClosed)
	require.NoError(t, srv.Close())
}
