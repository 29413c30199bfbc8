package paradise_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/memnet"
)

// What the log says of strangers, and what a log that blocks holds up.

func TestTheLogPassesOverWhoNeverSaidAWord(t *testing.T) {
	none := paradise.Hooks{}
	refusing := paradise.Hooks{Connect: func(context.Context, *paradise.Session) error { return errors.New("not you") }}
	for name, c := range map[string]struct {
		visit func(w *world)
		want  []string // what the log says; none: nothing
		hooks paradise.Hooks
	}{
		"connects and leaves":          {func(w *world) { w.dial().conn.Close() }, nil, none},
		"leaves before the greeting":   {func(w *world) { w.dialFrom(clientAddr).conn.Close() }, nil, none},
		"waits until its time is up":   {func(w *world) { c := w.dial(); c.expect(421); c.closed() }, nil, none},
		"implicit TLS, no ClientHello": {func(w *world) { w.serveImplicit(); w.data(clientAddr, implicitAddr).Close() }, nil, none},
		"implicit TLS, silent": {func(w *world) {
			w.serveImplicit()
			c := w.data(clientAddr, implicitAddr)
			c.Read(make([]byte, 1))
			c.Close()
		}, nil, none},
		"implicit TLS, a handshake alone": {func(w *world) { w.serveImplicit(); w.implicit().raw.Close() }, nil, none},
		"a stop during its visit":         {func(w *world) { c := w.dial(); w.srv.Close(); c.expect(421); c.closed() }, nil, none},
		"says QUIT":                       {func(w *world) { w.dial().quit() }, []string{"session closed"}, none},
		"says half a word": {func(w *world) {
			c := w.dial()
			c.conn.Write([]byte("US"))
			synctest.Wait()
			c.conn.Close()
		}, []string{"session closed"}, none},
		"half a word until its time is up": {func(w *world) {
			c := w.dial()
			c.conn.Write([]byte("US"))
			c.expect(421)
			c.closed()
		}, []string{"session refused", "session closed"}, none},
		"implicit TLS, no TLS": {func(w *world) {
			w.serveImplicit()
			c := w.data(clientAddr, implicitAddr)
			c.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
			c.Read(make([]byte, 1))
			c.Close()
		}, []string{"TLS handshake failed"}, none},
		"refused by a hook": {func(w *world) {
			c := w.dialFrom(clientAddr)
			c.expect(421)
			c.closed()
		}, []string{"session refused"}, refusing},
	} {
		t.Run(name, func(t *testing.T) {
			var log linesLogged
			overTLS(t, func(srv *paradise.Server) {
				srv.Logger, srv.Hooks = slog.New(slog.NewTextHandler(&log, nil)), c.hooks
			}, func(w *world) {
				c.visit(w)
				synctest.Wait()
				assert.Equal(t, c.want, log.messages())
			})
		})
	}
}

// linesLogged is a log that sessions write at once.
type linesLogged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *linesLogged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

var messages = regexp.MustCompile(`msg=("[^"]*"|\S+)`)

// messages are those of the lines so far.
func (l *linesLogged) messages() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range messages.FindAllStringSubmatch(l.text.String(), -1) {
		all = append(all, strings.Trim(m[1], `"`))
	}
	return all
}

// blocking is a log that takes no line while it is shut, as a pipe that nobody reads.
// Unlike the handlers of log/slog it has no lock, for which virtual time stands still.
type blocking struct{ shut, open chan struct{} }

func newBlocking() *blocking { return &blocking{make(chan struct{}), make(chan struct{})} }

func (*blocking) Enabled(context.Context, slog.Level) bool { return true }

func (b *blocking) Handle(context.Context, slog.Record) error {
	select {
	case <-b.shut:
		<-b.open
	default:
	}
	return nil
}

func (b *blocking) WithAttrs([]slog.Attr) slog.Handler { return b }
func (b *blocking) WithGroup(string) slog.Handler      { return b }

func TestALoggerThatBlocksHoldsUpNoStop(t *testing.T) {
	for name, stop := range map[string]func(*paradise.Server) error{
		"Close": (*paradise.Server).Close,
		"Shutdown, then Close": func(srv *paradise.Server) error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			assert.ErrorIs(t, srv.Shutdown(ctx), context.DeadlineExceeded)
			return srv.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log *blocking
			inMemory(t, func(srv *paradise.Server) {
				log = newBlocking()
				srv.Logger = slog.New(log)
			}, func(w *world) {
				idle, busy := w.login(), w.login()
				leaving := w.login()
				close(log.shut)
				leaving.conn.Close()
				stranger := w.dialFrom(clientAddr)
				stranger.conn.Write([]byte("PASS x\r\n"))
				busy.send("MKD /d")
				synctest.Wait()
				began := time.Now()
				require.ErrorContains(t, stop(w.srv), "held up by Logger or a hook")
				assert.LessOrEqual(t, time.Since(began), time.Minute+7*time.Second)
				w.srv.Stats()
				close(log.open)
				synctest.Wait()
				for _, c := range []*client{idle, busy, stranger} {
					c.conn.Close()
				}
			})
		})
	}
}

func TestAHookThatBlocksHoldsUpNoStop(t *testing.T) {
	var open chan struct{}
	inMemory(t, func(srv *paradise.Server) {
		open = make(chan struct{})
		srv.Hooks.Disconnect = func(context.Context, *paradise.Session) { <-open }
		srv.Hooks.After = func(_ context.Context, _ *paradise.Session, verb, _ string, _ int) {
			if verb == "NOOP" {
				<-open
			}
		}
	}, func(w *world) {
		held, leaving := w.login(), w.login()
		held.send("NOOP")
		leaving.conn.Close()
		synctest.Wait()
		began := time.Now()
		require.ErrorContains(t, w.srv.Close(), "held up by Logger or a hook that does not return: 2")
		assert.LessOrEqual(t, time.Since(began), 7*time.Second)
		close(open)
		synctest.Wait()
		held.conn.Close()
	})
}

func TestServeWaitsForItsLoggerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newBlocking()
		close(log.shut)
		srv := &paradise.Server{Logger: slog.New(log)}
		served := make(chan error, 1)
		l, err := memnet.New().Listen(serverAddr)
		require.NoError(t, err)
		go func() { served <- srv.Serve(l) }()
		synctest.Wait()
		assert.False(t, srv.Stats().Started.IsZero())
		require.NoError(t, srv.Shutdown(t.Context()))
		close(log.open)
		require.ErrorIs(t, <-served, paradise.ErrServerClosed)
	})
}
