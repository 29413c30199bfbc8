package sock_test

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/paradiseftp/paradise/internal/sock"
)

// eventually awaits what the kernel is about to learn.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 10*time.Second, time.Millisecond)
}

func closed(t *testing.T, nc net.Conn) bool {
	t.Helper()
	closed, known := sock.PeerClosed(nc)
	require.True(t, known)
	return closed
}

func TestBytesUnreadDoNotHideThePeersEnd(t *testing.T) {
	ours, theirs := pair(t)
	require.False(t, closed(t, ours))
	_, err := theirs.Write([]byte("unread"))
	require.NoError(t, err)
	eventually(t, func() bool { return sock.Unread(ours) == 6 })
	require.False(t, closed(t, ours))
	require.NoError(t, theirs.CloseWrite())
	eventually(t, func() bool { return closed(t, ours) })
	require.Equal(t, 6, sock.Unread(ours))
	require.False(t, sock.PeerReset(ours), "it still reads")
}

func TestAResetIsMoreThanAnEnd(t *testing.T) {
	ours, theirs := pair(t)
	theirs.SetLinger(0)
	theirs.Close()
	eventually(t, func() bool { return sock.PeerReset(ours) })
	require.True(t, closed(t, ours))
}

func TestNothingIsKnownOfAConnectionClosedOnThisSide(t *testing.T) {
	ours, theirs := pair(t)
	theirs.Close()
	ours.Close()
	_, known := sock.PeerClosed(ours)
	require.False(t, known)
	require.False(t, sock.PeerReset(ours))
	require.Zero(t, sock.Unread(ours))
	sock.InlineUrgent(ours)
	sock.QuickAck(ours)
}

func TestPatienceIsForWhatHasCome(t *testing.T) {
	ours, theirs := pair(t)
	require.Zero(t, sock.Patience(ours))
	_, err := theirs.Write([]byte("x"))
	require.NoError(t, err)
	eventually(t, func() bool { return sock.Patience(ours) == time.Second })

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	require.Zero(t, sock.Patience(l), "nobody has connected")
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	eventually(t, func() bool { return sock.Patience(l) == time.Second })
}

func TestUrgentDataStaysInTheStream(t *testing.T) {
	for name, inline := range map[string]bool{"as the kernel has it": false, "inline": true} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := pair(t)
			want := "ABOR\r"
			if inline {
				sock.InlineUrgent(ours)
				want = "ABOR\r\n"
			}
			rc, err := theirs.SyscallConn()
			require.NoError(t, err)
			rc.Control(func(fd uintptr) { err = unix.Sendto(int(fd), []byte("ABOR\r\n"), unix.MSG_OOB, nil) })
			require.NoError(t, err)
			require.NoError(t, theirs.CloseWrite())
			var got []byte
			buf := make([]byte, 16)
			for err == nil {
				var n int
				n, err = ours.Read(buf)
				got = append(got, buf[:n]...)
			}
			require.Equal(t, want, string(got))
		})
	}
}

func TestReuseAddrIsSet(t *testing.T) {
	set := -1
	d := net.Dialer{Control: func(_, _ string, rc syscall.RawConn) error {
		require.NoError(t, sock.ReuseAddr(rc))
		return rc.Control(func(fd uintptr) {
			set, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR)
		})
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := d.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	c.Close()
	require.Equal(t, 1, set)
}

func TestMaxFilesIsTheLimitOfTheProcess(t *testing.T) {
	var r unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &r))
	assert.EqualValues(t, min(r.Cur, 1<<30), sock.MaxFiles())
}
