package paradise_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

// dialParking serves sessions over TCP and logs one in.
func dialParking(t *testing.T, idle time.Duration) (net.Conn, *bufio.Reader) {
	t.Helper()
	srv := &paradise.Server{
		Auth:     paradise.Accounts{"auser": "secret"},
		Files:    memfs.New(),
		Timeouts: paradise.Timeouts{Idle: idle},
		Logger:   slog.New(slog.DiscardHandler),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		require.ErrorIs(t, <-served, paradise.ErrServerClosed)
	})
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	r := bufio.NewReader(conn)
	fmt.Fprint(conn, "USER auser\r\nPASS secret\r\n")
	for _, code := range []string{"220", "331", "230"} {
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, code, line[:3])
	}
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	return conn, r
}

func TestAParkedSessionGetsItsIdleTimeout(t *testing.T) {
	const idle = 500 * time.Millisecond // parked long before
	began := time.Now()
	_, r := dialParking(t, idle)
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "421 Idle timeout")
	took := time.Since(began)
	require.GreaterOrEqual(t, took, idle)
	require.Less(t, took, idle+2*time.Second)
}

func TestAParkedSessionAnswersEachTime(t *testing.T) {
	conn, r := dialParking(t, 0)
	for range 2 {
		require.Eventually(t, noSessionLoop, 10*time.Second, 20*time.Millisecond, "the session still has a goroutine")
		fmt.Fprint(conn, "NOOP\r\n")
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "200", line[:3])
	}
}

func TestTheEndOfAParkedSessionIsSeen(t *testing.T) {
	conn, _ := dialParking(t, 0)
	require.Eventually(t, noSessionLoop, 10*time.Second, 20*time.Millisecond, "the session still has a goroutine")
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestNoGoroutineIsLeftOfParkedSessions(t *testing.T) {
	parked, r := dialParking(t, 0)
	runs := func() bool { return bytes.Contains(allStacks(), []byte("paradise.(*parker[...]).run")) }
	require.Eventually(t, runs, 10*time.Second, time.Millisecond)
	fmt.Fprint(parked, "QUIT\r\n")
	_, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Eventually(t, func() bool { return !runs() }, 10*time.Second, time.Millisecond)
}

// noSessionLoop reports whether no goroutine runs a session's loop.
func noSessionLoop() bool {
	return !bytes.Contains(allStacks(), []byte("paradise.(*conn).loop"))
}

func allStacks() []byte {
	stacks := make([]byte, 1<<20)
	return stacks[:runtime.Stack(stacks, true)]
}
