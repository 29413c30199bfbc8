package faultproxy

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// through sends text through a link. It returns the bytes that arrived, the error at
// their end, and the error of the sender's own read.
func through(t *testing.T, fault Fault, after int64, text string) (arrived string, server, client error) {
	t.Helper()
	target, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer target.Close()
	link, err := Open(target.Addr().String(), fault, after, nil)
	require.NoError(t, err)
	defer link.Close()
	c, err := net.Dial("tcp", link.Addr())
	require.NoError(t, err)
	defer c.Close()
	s, err := target.Accept()
	require.NoError(t, err)
	defer s.Close()

	_, _ = io.WriteString(c, text) // may fail: a reset may come before the end of text
	_ = c.(*net.TCPConn).CloseWrite()
	s.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	b, server := io.ReadAll(s)
	s.Close()
	c.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	_, client = io.ReadAll(c)
	return string(b), server, client
}

var long = strings.Repeat("0123456789", 10_000)

func TestNoFaultForwardsAll(t *testing.T) {
	got, server, client := through(t, None, 0, long)
	require.NoError(t, server)
	require.NoError(t, client)
	require.Equal(t, long, got)
}

func TestFINEndsCleanlyAtTheByte(t *testing.T) {
	for _, after := range []int64{0, 1, 99_999} {
		got, server, _ := through(t, FIN, after, long)
		require.NoError(t, server)
		require.Equal(t, long[:after], got)
	}
}

func TestRSTResetsBothSides(t *testing.T) {
	got, server, _ := through(t, RST, 50_000, long)
	require.ErrorIs(t, server, syscall.ECONNRESET)
	require.LessOrEqual(t, len(got), 50_000)
}

func TestBlackholeSaysNothing(t *testing.T) {
	got, server, client := through(t, Blackhole, 50_000, long)
	require.True(t, errors.Is(server, os.ErrDeadlineExceeded), "%v", server)
	require.True(t, errors.Is(client, os.ErrDeadlineExceeded), "%v", client)
	require.Equal(t, long[:50_000], got)
}

func TestHookIsCalledAtTheByteWhateverTheFault(t *testing.T) {
	target, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer target.Close()
	called := make(chan struct{})
	link, err := Open(target.Addr().String(), None, 3, func() { close(called) })
	require.NoError(t, err)
	defer link.Close()
	c, err := net.Dial("tcp", link.Addr())
	require.NoError(t, err)
	defer c.Close()
	io.WriteString(c, "abc")
	<-called
}

func TestCloseEndsALinkThatNobodyUsed(t *testing.T) {
	link, err := Open("127.0.0.1:1", None, 0, nil)
	require.NoError(t, err)
	link.Close()
	link.Close()
}
