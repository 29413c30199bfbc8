package splice_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/paradiseftp/paradise/internal/splice"
)

// socket returns a connection and its peer's end.
func socket(t *testing.T) (ours *net.TCPConn, rc syscall.RawConn, theirs *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	s, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { c.Close(); s.Close() })
	rc, err = s.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	return s.(*net.TCPConn), rc, c.(*net.TCPConn)
}

func newPipe(t *testing.T) *splice.Pipe {
	t.Helper()
	p, err := splice.NewPipe()
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

func create(t *testing.T, flags int) *os.File {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "f"), os.O_RDWR|os.O_CREATE|flags, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestAStreamGoesThroughThePipeIntoTheFile(t *testing.T) {
	_, rc, peer := socket(t)
	p, f := newPipe(t), create(t, 0)
	sent := noise(5*splice.Size + 12345)
	go func() {
		peer.Write(sent)
		peer.Close()
	}()
	total := 0
	for {
		n, err := p.Fill(rc, len(sent))
		if err == io.EOF {
			require.Zero(t, n)
			break
		}
		require.NoError(t, err)
		require.Equal(t, n, p.Buffered())
		moved, err := p.Drain(f)
		require.NoError(t, err)
		require.EqualValues(t, n, moved)
		require.Zero(t, p.Buffered())
		total += n
	}
	require.Equal(t, len(sent), total)
	got, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.True(t, bytes.Equal(sent, got))
}

func TestFillTakesNoMoreThanItIsAskedFor(t *testing.T) {
	_, rc, peer := socket(t)
	p := newPipe(t)
	_, err := peer.Write(noise(100))
	require.NoError(t, err)
	n, err := p.Fill(rc, 30)
	require.NoError(t, err)
	require.LessOrEqual(t, n, 30)
	require.Equal(t, n, p.Buffered())
}

func TestFillEndsAtTheSocketsDeadline(t *testing.T) {
	ours, rc, _ := socket(t)
	p := newPipe(t)
	ours.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	_, err := p.Fill(rc, 100)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestFillTellsOfAReset(t *testing.T) {
	_, rc, peer := socket(t)
	p := newPipe(t)
	peer.SetLinger(0)
	peer.Close()
	_, err := p.Fill(rc, 100)
	require.ErrorIs(t, err, unix.ECONNRESET)
}

func TestWhatAFileDoesNotTakeIsStillInThePipe(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	shut := create(t, 0)
	shut.Close()
	for name, f := range map[string]*os.File{
		"open for appending": create(t, os.O_APPEND),
		"full":               full,
		"closed":             shut,
	} {
		t.Run(name, func(t *testing.T) {
			_, rc, peer := socket(t)
			p := newPipe(t)
			sent := noise(1000)
			peer.Write(sent)
			n, err := p.Fill(rc, len(sent))
			require.NoError(t, err)
			moved, err := p.Drain(f)
			require.Error(t, err)
			require.Zero(t, moved)
			require.Equal(t, n, p.Buffered())
			rest, err := io.ReadAll(p)
			require.NoError(t, err)
			require.Equal(t, sent[:n], rest)
			require.Zero(t, p.Buffered())
		})
	}
}

func TestAPipeTakesItsDescriptorsAndGivesThemBack(t *testing.T) {
	count := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(names)
	}
	before := count()
	p, err := splice.NewPipe()
	require.NoError(t, err)
	require.Equal(t, before+splice.Descriptors, count())
	require.NoError(t, p.Close())
	require.Equal(t, before, count())
}
