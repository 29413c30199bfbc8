package paradise

import (
	"context"
	"net"
	"net/netip"
	"syscall"
)

// realNetwork is TCP. Listeners take no keep-alive probes, since data
// connections have stall limits, and are of the address's own family.
func realNetwork(active ActiveOptions) network {
	return network{
		listen: func(ctx context.Context, local netip.AddrPort) (net.Listener, error) {
			return net.ListenTCP(family(local.Addr()), net.TCPAddrFromAddrPort(local))
		},
		dial: func(ctx context.Context, local, remote netip.AddrPort) (net.Conn, error) {
			d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(local)}
			if local.Port() != 0 {
				d.Control = func(_, _ string, rc syscall.RawConn) error { return reuseAddr(rc) }
			}
			return d.DialContext(ctx, family(remote.Addr()), remote.String())
		},
	}
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "tcp4"
	}
	return "tcp6"
}
