package paradise

import (
	"context"
	"net"
	"net/netip"
	"os"
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

// network is the seam through which tests run a server in memory.
type network struct {
	listen func(ctx context.Context, local netip.AddrPort) (net.Listener, error)
	dial   func(ctx context.Context, local, remote netip.AddrPort) (net.Conn, error)
}

// addrPort reads a network address without asking any name service.
func addrPort(a net.Addr) netip.AddrPort {
	ap, ok := a.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		parsed, err := netip.ParseAddrPort(a.String())
		if err != nil {
			return netip.AddrPort{}
		}
		return netip.AddrPortFrom(parsed.Addr().Unmap(), parsed.Port())
	}
	p := ap.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// errTimeout is what a read or write under a deadline fails with.
var errTimeout = os.ErrDeadlineExceeded
