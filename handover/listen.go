package handover

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
)

// Listen returns the inherited listener of that name if it listens on addr. If there
// is none, Listen returns an inherited listener of another name that listens on addr;
// if there is none either, it binds a new one. The next generation inherits the
// listener. An empty addr means the inherited listener of that name, whatever its
// address. Port 0 is any port.
//
// The network is tcp, tcp4, tcp6 or unix. The result is the plain *net.TCPListener or
// *net.UnixListener; the caller closes it. A name is free again once its listener is
// closed. A listener opened while an Upgrade runs is not inherited.
//
// If the inherited listener of that name has another address, Listen binds the new
// address. That fails if the two addresses collide, as *:21 and 10.0.0.1:21 do.
func (p *Process) Listen(name, network, addr string) (net.Listener, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.phase {
	case handedOver:
		return nil, ErrHandedOver
	case closed:
		return nil, ErrClosed
	}
	p.sockets = slices.DeleteFunc(p.sockets, func(s socket) bool { return isClosed(s.l) })
	if slices.ContainsFunc(p.sockets, func(s socket) bool { return s.name == name }) {
		return nil, fmt.Errorf("handover: listener %q is open already", name)
	}
	s, err := p.claim(name, network, addr)
	if err != nil {
		return nil, err
	}
	s.name = name
	p.sockets = append(p.sockets, s)
	return s.l, nil
}

func (p *Process) claim(name, network, addr string) (socket, error) {
	if i := p.find(name, network, addr); i >= 0 {
		s := p.unclaimed[i]
		p.unclaimed = slices.Delete(p.unclaimed, i, i+1)
		return s, nil
	}
	switch network {
	case "tcp", "tcp4", "tcp6", "unix":
	default:
		return socket{}, net.UnknownNetworkError(network)
	}
	if addr == "" {
		return socket{}, fmt.Errorf("handover: no listener %q was passed to this process, and no address is given", name)
	}
	l, err := net.Listen(network, addr)
	return socket{l: l, owned: network == "unix"}, err
}

// find returns the index of the inherited socket to use, or -1. If no name fits, the
// address alone decides, because binding it again would fail.
func (p *Process) find(name, network, addr string) int {
	i := slices.IndexFunc(p.unclaimed, func(s socket) bool {
		return s.name == name && (addr == "" || fits(s.l.Addr(), network, addr))
	})
	if i >= 0 || addr == "" {
		return i
	}
	return slices.IndexFunc(p.unclaimed, func(s socket) bool {
		return fits(s.l.Addr(), network, addr) && !anyPort(network, addr)
	})
}

// fits reports whether a listener at have listens where Listen(network, addr) would.
func fits(have net.Addr, network, addr string) bool {
	switch have := have.(type) {
	case *net.UnixAddr:
		return network == "unix" && have.Name == addr
	case *net.TCPAddr:
		want, err := net.ResolveTCPAddr(network, addr)
		return err == nil && fitsTCP(have, want, network)
	}
	return false
}

func fitsTCP(have, want *net.TCPAddr, network string) bool {
	if want.Port != 0 && want.Port != have.Port {
		return false
	}
	v4 := have.IP.To4() != nil
	if network == "tcp4" && !v4 || network == "tcp6" && v4 {
		return false
	}
	// For "tcp" Go binds one socket for both families, whichever wildcard was given.
	if want.IP == nil || want.IP.IsUnspecified() {
		return have.IP.IsUnspecified()
	}
	return want.IP.Equal(have.IP) && want.Zone == have.Zone
}

func anyPort(network, addr string) bool {
	if network == "unix" {
		return false
	}
	a, err := net.ResolveTCPAddr(network, addr)
	return err != nil || a.Port == 0
}

// isClosed reports whether the caller has closed a listener.
func isClosed(l net.Listener) bool {
	return errors.Is(control(l, func(uintptr) {}), net.ErrClosed)
}

// control runs f with the descriptor of l and leaves its blocking mode unchanged.
func control(l net.Listener, f func(fd uintptr)) error {
	sc, ok := l.(syscall.Conn)
	if !ok {
		return fmt.Errorf("handover: %T has no descriptor", l)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(f)
}

// unlinkOnClose sets whether this process removes the paths of its owned Unix sockets
// when it closes them.
func unlinkOnClose(sockets []socket, remove bool) {
	for _, s := range sockets {
		u, ok := s.l.(interface{ SetUnlinkOnClose(bool) })
		if ok && s.owned {
			u.SetUnlinkOnClose(remove)
		}
	}
}
