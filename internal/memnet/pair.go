package memnet

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// Pair returns both ends of a connection, which the end of the test closes.
func Pair(tb testing.TB) (ours, theirs *Conn) {
	tb.Helper()
	at := netip.MustParseAddrPort("192.0.2.1:21")
	n := New()
	l, err := n.Listen(at)
	require.NoError(tb, err)
	defer l.Close()
	theirs, err = n.Dial(tb.Context(), netip.AddrPort{}, at)
	require.NoError(tb, err)
	nc, err := l.Accept()
	require.NoError(tb, err)
	tb.Cleanup(func() { nc.Close(); theirs.Close() })
	return nc.(*Conn), theirs
}
