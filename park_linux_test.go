package paradise_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

func TestAParkedSessionGetsItsIdleTimeout(t *testing.T) {
	const idle = 2500 * time.Millisecond // parked after 2 s
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
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	r := bufio.NewReader(conn)
	fmt.Fprint(conn, "USER auser\r\nPASS secret\r\n")
	for _, code := range []string{"220", "331", "230"} {
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, code, line[:3])
	}
	began := time.Now()
	conn.SetReadDeadline(began.Add(10 * time.Second))
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "421 Idle timeout")
	require.InDelta(t, idle.Seconds(), time.Since(began).Seconds(), 2)
	require.NoError(t, srv.Close())
	require.ErrorIs(t, <-served, paradise.ErrServerClosed)
}
