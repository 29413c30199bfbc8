package sock_test

import (
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/memnet"
	"github.com/paradiseftp/paradise/internal/sock"
)

// pair returns both ends of a TCP connection.
func pair(t *testing.T) (ours, theirs *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	s, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { c.Close(); s.Close() })
	return s.(*net.TCPConn), c.(*net.TCPConn)
}

type wrapper struct{ net.Conn }

func (w wrapper) NetConn() net.Conn { return w.Conn }

func TestTCPFindsTheConnectionThatIsWrapped(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	tcp, _ := pair(t)
	for name, c := range map[string]struct {
		nc   net.Conn
		want *net.TCPConn
	}{
		"itself":               {tcp, tcp},
		"wrapped twice":        {wrapper{wrapper{tcp}}, tcp},
		"wrapped, not said so": {struct{ net.Conn }{tcp}, nil},
		"none":                 {a, nil},
		"a wrapper of none":    {wrapper{a}, nil},
		"nil":                  {nil, nil},
	} {
		assert.Same(t, c.want, sock.TCP(c.nc), name)
	}
}

func TestWhereTheKernelDoesNotTellNothingIsKnown(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	b.Close()
	_, known := sock.PeerClosed(a)
	assert.False(t, known)
	assert.False(t, sock.PeerReset(a))
	assert.Zero(t, sock.Unread(a))
	assert.Equal(t, 5*time.Millisecond, sock.Patience(a))
	sock.InlineUrgent(a)
	sock.QuickAck(a)
}

func TestDrainTakesWhatHasComeAndSaysWhetherTheEndWasBehindIt(t *testing.T) {
	for name, c := range map[string]struct {
		send int
		end  bool
	}{
		"nothing":        {0, false},
		"bytes":          {10_000, false},
		"the end":        {0, true},
		"bytes, the end": {10_000, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := memnet.Pair(t)
				theirs.Write(make([]byte, c.send))
				if c.end {
					theirs.CloseWrite()
				}
				synctest.Wait()
				began := time.Now()
				assert.Equal(t, c.end, sock.Drain(ours, make([]byte, 1000)))
				assert.Zero(t, time.Since(began), "it waited")
				assert.False(t, ours.Readable() && !c.end, "bytes are left")
				ours.Close()
				theirs.Close()
			})
		})
	}
}

func TestDrainEndsWithAPeerThatNeverStops(t *testing.T) {
	assert.False(t, sock.Drain(&endless{}, make([]byte, 4096)))
}

// endless always has more.
type endless struct{ net.Conn }

func (*endless) Readable() bool                  { return true }
func (*endless) Read(p []byte) (int, error)      { return len(p), nil }
func (*endless) SetReadDeadline(time.Time) error { return nil }

func TestCloseWriteLeavesTheOtherDirectionOpen(t *testing.T) {
	ours, theirs := pair(t)
	sock.CloseWrite(ours)
	_, err := theirs.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	_, err = theirs.Write([]byte("x"))
	require.NoError(t, err)
	n, err := ours.Read(make([]byte, 1))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	sock.CloseWrite(nil)
	sock.CloseWrite(&endless{}) // it has no such method
}

func TestAWriteStallsOnlyIfNoByteMoves(t *testing.T) {
	const stall = 8 * time.Second
	if runtime.GOOS == "windows" {
		t.Skip("one write has the whole time there")
	}
	// A peer that takes a byte a second holds a write for long, but does not stall it.
	synctest.Test(t, func(t *testing.T) {
		p := &slow{every: time.Second, most: 30}
		n, err := sock.Write(p, make([]byte, 30), stall)
		require.NoError(t, err)
		require.Equal(t, 30, n)
	})
	// One that stops has taken what it has taken, and stall counts from there.
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		p := &slow{every: time.Second, most: 10}
		n, err := sock.Write(p, make([]byte, 30), stall)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 10, n)
		require.InDelta(t, (10*time.Second + stall).Seconds(), time.Since(began).Seconds(), 1.5)
	})
}

// slow takes one byte every so often, until it has taken enough.
type slow struct {
	net.Conn
	every time.Duration
	most  int
	taken int
	due   time.Time
	until time.Time
}

func (s *slow) SetWriteDeadline(t time.Time) error { s.until = t; return nil }

func (s *slow) Write(p []byte) (n int, err error) {
	if s.due.IsZero() {
		s.due = time.Now().Add(s.every)
	}
	for n < len(p) {
		if s.taken == s.most || s.due.After(s.until) {
			time.Sleep(time.Until(s.until))
			return n, os.ErrDeadlineExceeded
		}
		time.Sleep(time.Until(s.due))
		s.due = s.due.Add(s.every)
		s.taken++
		n++
	}
	return n, nil
}

func TestAProcessMayOpenFiles(t *testing.T) {
	require.Greater(t, sock.MaxFiles(), 16)
}
