package paradisetest

import (
	"context"
	"crypto/tls"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

// trialTest is a test that may fail without failing ours.
type trialTest struct {
	testing.TB
	failures []string
	cleanups []func()
}

// trial runs f like a test and returns its failures.
func trial(t *testing.T, f func(tb testing.TB)) []string {
	t.Helper()
	r := &trialTest{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer r.end()
		f(r)
	}()
	<-done
	return r.failures
}

func (r *trialTest) end() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

func (r *trialTest) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *trialTest) Failed() bool     { return len(r.failures) > 0 }
func (r *trialTest) Logf(string, ...any) {
}

func (r *trialTest) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *trialTest) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func TestNewServerIsReadyForTests(t *testing.T) {
	s := NewServer(t, nil)
	c := s.Dial()
	assert.Equal(t, 220, c.Greeting.Code)
	c.Login()
	assert.Equal(t, 226, c.Store("STOR a.txt", "hello").Code)
	data, r := c.Retrieve("RETR a.txt")
	assert.Equal(t, 226, r.Code)
	assert.Equal(t, "hello", data)
	assert.Equal(t, "ftp://"+s.Addr, s.URL)
}

// What a negative delay means the server's own tests say: a clock would only tell
// how busy the machine is.
func TestFailedLoginsAreAnsweredWithoutDelay(t *testing.T) {
	s := NewServer(t, nil)
	assert.Negative(t, s.Config.Limits.FailedDelay)
	c := s.Dial()
	c.Expect(331, "USER auser")
	c.Expect(530, "PASS wrong")
}

func TestADelayOfFailedLoginsThatIsSetStays(t *testing.T) {
	s := NewServer(t, &paradise.Server{Limits: paradise.Limits{FailedDelay: time.Hour}})
	assert.Equal(t, time.Hour, s.Config.Limits.FailedDelay)
}

func TestLoginAsTakesAnyAccount(t *testing.T) {
	c := NewServer(t, &paradise.Server{Auth: paradise.Accounts{"anna": "her own"}}).Dial()
	c.LoginAs("anna", "her own")
	c.Expect(257, "PWD")
}

func TestClientSpeaksTLS(t *testing.T) {
	s := NewServer(t, &paradise.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{Certificate(t)}},
		Policy:    paradise.Policy{DataTLSReuse: paradise.ReuseRequire},
	})
	c := s.Dial()
	c.StartTLS()
	c.Private()
	c.Login()
	assert.Equal(t, 226, c.Store("STOR a.txt", "hello").Code)
	data, r := c.Retrieve("RETR a.txt")
	assert.Equal(t, 226, r.Code)
	assert.Equal(t, "hello", data)
}

func TestPassiveAddresses(t *testing.T) {
	c := NewServer(t, nil).Dial()
	c.Login()
	for _, addr := range []string{c.PASV(), c.EPSV()} {
		assert.True(t, strings.HasPrefix(addr, "127.0.0.1:"), addr)
	}
}

func TestCloseNamesSessionsStillAtWork(t *testing.T) {
	failures := trial(t, func(tb testing.TB) {
		s := NewServer(tb, nil)
		s.wait = 20 * time.Millisecond
		c := s.Dial()
		c.Login()
		addr := c.EPSV()
		c.Expect(150, "STOR slow.bin")
		_ = c.Data(addr)
		s.Close()
	})
	require.Len(t, failures, 1)
	assert.Contains(t, failures[0], "still at work: session 1 of auser")
	assert.Contains(t, failures[0], "STOR")
	assert.Contains(t, failures[0], "/slow.bin")
}

func TestClosePassesOverIdleSessions(t *testing.T) {
	failures := trial(t, func(tb testing.TB) {
		s := NewServer(tb, nil)
		s.Dial().Login()
		s.Close()
	})
	assert.Empty(t, failures)
}

func TestCloseReportsPanics(t *testing.T) {
	panics := func(allowed bool) []string {
		return trial(t, func(tb testing.TB) {
			s := NewServer(tb, &paradise.Server{Hooks: paradise.Hooks{
				Before: func(context.Context, *paradise.Session, string, string) error { panic("a bug") },
			}})
			if allowed {
				s.AllowPanics()
			}
			s.Dial().Expect(451, "NOOP")
		})
	}
	require.Len(t, panics(false), 1)
	assert.Contains(t, panics(false)[0], "1 panic(s)")
	assert.Empty(t, panics(true))
}

func TestCloseReportsDriversThatDoNotReturn(t *testing.T) {
	release := make(chan struct{})
	failures := trial(t, func(tb testing.TB) {
		s := NewServer(tb, &paradise.Server{
			Files:    &stuckDriver{FS: memfs.New(), release: release},
			Timeouts: paradise.Timeouts{Driver: 10 * time.Millisecond},
		})
		c := s.Dial()
		c.Login()
		c.Send("SIZE a\r\n")
		c.Closed()
	})
	close(release)
	require.Len(t, failures, 1)
	assert.Contains(t, failures[0], "1 call(s) of a driver have not returned")
}

// stuckDriver does not obey its context.
type stuckDriver struct {
	*memfs.FS
	release chan struct{}
}

func (d *stuckDriver) Stat(context.Context, *paradise.Session, string) (paradise.Entry, error) {
	<-d.release
	return paradise.Entry{}, errAny
}

func TestAServerThatDoesNotStartFailsTheTest(t *testing.T) {
	failures := trial(t, func(tb testing.TB) {
		NewServer(tb, &paradise.Server{SniffLen: -1})
	})
	require.Len(t, failures, 1)
	assert.Contains(t, failures[0], "SniffLen")
}

func TestExpectFailsOnAnotherCode(t *testing.T) {
	failures := trial(t, func(tb testing.TB) {
		NewServer(tb, nil).Dial().Expect(200, "PWD")
	})
	require.Len(t, failures, 1)
	assert.Contains(t, failures[0], "530")
}
