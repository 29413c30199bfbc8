package paradise

import (
	"context"
	"net"
	"net/netip"
	"syscall"

	"github.com/paradiseftp/paradise/internal/sock"
)

// realNetwork is TCP. Data connections send no keep-alive probes, since they
// have stall limits and every option costs a system call, and are of the
// address's own family.
func realNetwork() network {
	quiet := net.ListenConfig{KeepAlive: -1}
	quiet.SetMultipathTCP(false)
	return network{
		listen: func(ctx context.Context, local netip.AddrPort) (net.Listener, error) {
			return quiet.Listen(ctx, family(local.Addr()), local.String())
		},
		dial: func(ctx context.Context, local, remote netip.AddrPort) (net.Conn, error) {
			d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(local), KeepAlive: -1}
			if local.Port() != 0 {
				d.Control = func(_, _ string, rc syscall.RawConn) error { return sock.ReuseAddr(rc) }
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
