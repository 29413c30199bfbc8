package paradise_test

import (
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/memnet"
	"github.com/paradiseftp/paradise/memfs"
)

// counting is a listener whose connections count how often they are read.
type counting struct {
	net.Listener
	reads *atomic.Int64
}

type countedConn struct {
	net.Conn
	reads *atomic.Int64
}

func (l counting) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	return countedConn{nc, l.reads}, err
}

func (c countedConn) Read(p []byte) (int, error) {
	c.reads.Add(1)
	return c.Conn.Read(p)
}

func TestASessionThatCannotBeParkedSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		var reads atomic.Int64
		srv := &paradise.Server{Auth: paradise.Accounts{"auser": "secret"}, Files: memfs.New(), Logger: slog.New(slog.DiscardHandler)}
		paradise.InMemory(srv, n)
		l, err := n.Listen(serverAddr)
		require.NoError(t, err)
		go srv.Serve(counting{l, &reads})
		synctest.Wait()
		w := &world{t: t, net: n, srv: srv}
		c := w.login()
		before := reads.Load()
		time.Sleep(time.Minute)
		require.LessOrEqual(t, reads.Load(), before+1, "it looks up for no reason")
		c.quit()
		require.NoError(t, srv.Close())
	})
}
