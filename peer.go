package paradise

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/paradiseftp/paradise/internal/sock"
)

// lookEvery is how often the kernel is asked whether a client is still there that is
// being worked for while nobody reads its connection.
const lookEvery = 100 * time.Millisecond

var errClientGone = errors.New("paradise: client has gone")

// peerGone reports whether the kernel knows that nobody is there any more. A client
// that has only closed its side may be a script: it gets its replies as long as
// something is left that it has said.
func (c *conn) peerGone() bool {
	closed, known := sock.PeerClosed(c.raw)
	if !known || !closed {
		return false
	}
	return sock.PeerReset(c.raw) || c.lines.Buffered() == 0 && (c.nc != c.raw || sock.Unread(c.raw) == 0)
}

// whilePeer is the session's context for a call in which the client may go away: it
// ends then, with errClientGone. stop must be called by the loop.
func (c *conn) whilePeer() (ctx context.Context, stop func()) {
	if _, kernel := c.raw.(syscall.Conn); !kernel {
		return c.ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(c.ctx)
	var mu sync.Mutex // peerGone looks at what the loop owns
	mu.Lock()
	defer mu.Unlock()
	stopped := false
	var look *time.Timer
	look = time.AfterFunc(lookEvery, func() {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case stopped:
		case c.peerGone():
			cancel(errClientGone)
		default:
			look.Reset(lookEvery)
		}
	})
	return ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		stopped = true
		look.Stop()
		cancel(nil)
	}
}

// heardAt is the level at which the log tells of a client: that of debugging for
// one that has not said a word, as health checks of load balancers, which come every
// second.
func (c *conn) heardAt(level slog.Level) slog.Level {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.spoke {
		return slog.LevelDebug
	}
	return level
}
