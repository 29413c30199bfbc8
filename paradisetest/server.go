package paradisetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

// User and Password are the account of a [NewServer] if srv.Auth is nil.
const (
	User     = "auser"
	Password = "secret"
)

// Server is an FTP server for tests on a free port of 127.0.0.1, like the server of
// net/http/httptest. Its methods are safe for concurrent use.
type Server struct {
	Config *paradise.Server // the running server; do not change it
	Addr   string           // host:port
	URL    string           // ftp://host:port

	tb       testing.TB
	log      logBuffer
	serving  chan error
	wait     time.Duration
	closing  sync.Once
	mu       sync.Mutex
	panicsOK bool
}

// closeWait bounds how long Close waits for sessions to end by themselves.
const closeWait = 5 * time.Second

// NewServer starts srv and closes it when the test ends. Zero fields get values that
// suit tests: Files is an empty [memfs.FS], Auth accepts [User] with [Password], failed
// logins are answered without delay, sessions are numbered from 1, and the log is shown
// only if the test fails. A nil srv is a new server.
//
// The test fails if srv does not start, or if Close finds a fault at the end.
func NewServer(tb testing.TB, srv *paradise.Server) *Server {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("paradisetest: %v", err)
	}
	s := start(tb, srv, l)
	tb.Cleanup(s.Close)
	return s
}

func start(tb testing.TB, srv *paradise.Server, l net.Listener) *Server {
	tb.Helper()
	if srv == nil {
		srv = &paradise.Server{}
	}
	s := &Server{Config: srv, tb: tb, serving: make(chan error, 1), wait: closeWait}
	s.defaults()
	s.Addr = l.Addr().String()
	s.URL = "ftp://" + s.Addr
	go func() { s.serving <- srv.Serve(l) }()
	return s
}

func (s *Server) defaults() {
	srv := s.Config
	if srv.Files == nil {
		srv.Files = memfs.New()
	}
	if srv.Auth == nil {
		srv.Auth = paradise.Accounts{User: Password}
	}
	if srv.Limits.FailedDelay == 0 {
		srv.Limits.FailedDelay = -1
	}
	if srv.FirstIDs == (paradise.IDs{}) {
		srv.FirstIDs = paradise.IDs{Session: 1, Channel: 1}
	}
	if srv.Logger == nil {
		srv.Logger = slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

// AllowPanics makes Close ignore panics of drivers and hooks. It is for tests that
// cause them on purpose.
func (s *Server) AllowPanics() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.panicsOK = true
}

// Close ends the server. It fails the test if sessions are still busy after five
// seconds (it names them), if a call of a driver has not returned, if a driver or hook
// has panicked (but see [Server.AllowPanics]), or if the server has sent a reply that is
// not in the command table. The end of the test calls it; further calls do nothing.
func (s *Server) Close() { s.closing.Do(s.close) }

func (s *Server) close() {
	s.tb.Helper()
	for _, fault := range s.end() {
		s.tb.Errorf("paradisetest: %s", fault)
	}
	if s.tb.Failed() {
		s.tb.Logf("log of the server:\n%s", s.log.String())
	}
}

// end closes the server and returns the faults that were found.
func (s *Server) end() (faults []string) {
	ctx, cancel := context.WithTimeout(context.Background(), s.wait)
	defer cancel()
	if err := s.Config.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		for _, ses := range s.Config.Stats().Sessions {
			faults = append(faults, "still at work: "+describe(ses))
		}
	}
	if err := s.Config.Close(); err != nil && !errors.Is(err, paradise.ErrDriverBlocked) {
		faults = append(faults, "Close: "+err.Error())
	}
	if err := <-s.serving; !errors.Is(err, paradise.ErrServerClosed) {
		faults = append(faults, fmt.Sprintf("Serve: %v", err))
	}
	st := s.Config.Stats()
	if st.Stuck > 0 {
		faults = append(faults, fmt.Sprintf("%d call(s) of a driver have not returned", st.Stuck))
	}
	if st.Unexpected > 0 {
		faults = append(faults, fmt.Sprintf("%d repl(ies) outside the command table", st.Unexpected))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.Panics > 0 && !s.panicsOK {
		faults = append(faults, fmt.Sprintf("%d panic(s) in a driver or hook", st.Panics))
	}
	return faults
}

// describe says whose session it is and what it is doing.
func describe(s paradise.SessionStats) string {
	text := fmt.Sprintf("session %d of %s from %s, last command %s %s",
		s.ID, cmp.Or(s.User, "nobody"), s.Remote, s.Verb, s.Arg)
	if s.Transfer != nil {
		text += fmt.Sprintf(", transferring %s after %d bytes", s.Transfer.Name, s.Transfer.Bytes)
	}
	return strings.TrimSpace(text)
}

// logBuffer keeps the end of a log.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// logKept bounds the log that a failed test shows, in bytes.
const logKept = 64 << 10

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buf.Len() > logKept {
		b.buf.Next(b.buf.Len() / 2)
	}
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
