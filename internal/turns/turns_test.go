package turns

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

var (
	first  = netip.MustParseAddr("192.0.2.1")
	second = netip.MustParseAddr("192.0.2.2")
	third  = netip.MustParseAddr("192.0.2.3")
)

// come waits for a place, notes under a name when it gets it, and gives it back.
func come(p *Places, addr netip.Addr, name string, order *[]string) {
	go func() {
		if p.Take(context.Background(), addr) == nil {
			*order = append(*order, name)
			p.Give(addr)
		}
	}()
	synctest.Wait()
}

func TestAddressesAreServedInTurnAndWithinOneInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(1, 1)
		require.NoError(t, p.Take(t.Context(), first))
		var order []string
		for _, name := range []string{"a1", "a2", "a3"} {
			come(p, first, name, &order)
		}
		come(p, second, "b1", &order)
		come(p, second, "b2", &order)
		come(p, third, "c1", &order)
		p.Give(first)
		synctest.Wait()
		require.Equal(t, []string{"a1", "b1", "c1", "a2", "b2", "a3"}, order)
		require.Empty(t, p.lines, "nothing is remembered of whoever has left")
	})
}

func TestOneAddressDoesNotGetAllPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(2, 1)
		require.NoError(t, p.Take(t.Context(), first))
		var order []string
		come(p, first, "a", &order)
		require.Empty(t, order)
		come(p, second, "b", &order)
		require.Equal(t, []string{"b"}, order, "the other place is for others")
		p.Give(first)
		synctest.Wait()
		require.Equal(t, []string{"b", "a"}, order)
	})
}

func TestTheOneWhoLeavesTakesNoPlaceAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(1, 1)
		require.NoError(t, p.Take(t.Context(), first))
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() { left <- p.Take(ctx, second) }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-left, context.Canceled)

		ctx, cancel = context.WithCancel(t.Context())
		go func() { left <- p.Take(ctx, second) }()
		synctest.Wait()
		cancel() // at the very moment at which the client gets the place
		p.Give(first)
		if <-left == nil {
			p.Give(second)
		}
		require.NoError(t, p.Take(t.Context(), third))
		p.Give(third)
		require.Empty(t, p.lines)
		require.Zero(t, p.taken)
	})
}

func TestAnIPv6ClientCountsByItsNetwork(t *testing.T) {
	for addr, key := range map[string]string{
		"192.0.2.1":         "192.0.2.1",
		"::ffff:192.0.2.1":  "192.0.2.1",
		"2001:db8::1":       "2001:db8::",
		"2001:db8::2:3:4:5": "2001:db8::",
		"fe80::1%eth0":      "fe80::",
	} {
		require.Equal(t, netip.MustParseAddr(key), Key(netip.MustParseAddr(addr)))
	}
	require.Equal(t, netip.Addr{}, Key(netip.Addr{}))
}
