package paradise_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

func TestTheStallOfADownloadCountsFromTheLastByteThatMoved(t *testing.T) {
	const stall = 2 * time.Second
	root, c := overTCP(t, func(srv *paradise.Server) { srv.Timeouts.Stall = stall })
	file := filepath.Join(root, "f")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, os.Truncate(file, 256<<20))
	c.Expect(200, "TYPE I")
	d := c.Data(c.EPSV())
	defer d.Close()
	require.NoError(t, d.(*net.TCPConn).SetReadBuffer(64<<10))
	c.Expect(150, "RETR f")
	// More than the two buffers hold, so that the server comes to wait for us.
	_, err := io.CopyN(io.Discard, d, 32<<20)
	require.NoError(t, err)
	last := time.Now()
	r := c.Reply()
	took := time.Since(last)
	require.Equal(t, 426, r.Code, r)
	require.Contains(t, r.Text(), "stalled")
	require.GreaterOrEqual(t, took, stall*9/10)
	require.Less(t, took, stall*8/5) // the kernel finds room for a few bytes more at first
}

func TestASlowDownloadGoesOnAsLongAsItMoves(t *testing.T) {
	const size = 24 << 20
	root, c := overTCP(t, func(srv *paradise.Server) { srv.Timeouts.Stall = time.Second })
	file := filepath.Join(root, "f")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, os.Truncate(file, size))
	c.Expect(200, "TYPE I")
	d := c.Data(c.EPSV())
	defer d.Close()
	c.Expect(150, "RETR f")
	// Slower than a chunk per look: none may be counted twice or lost.
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	total := int64(0)
	for err := error(nil); err == nil; {
		var n int64
		n, err = io.CopyN(io.Discard, d, 2<<20)
		total += n
		<-tick.C
	}
	require.EqualValues(t, size, total)
	require.Equal(t, 226, c.Reply().Code)
}
