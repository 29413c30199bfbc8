package paradise

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Reasons to refuse PORT and EPRT; each has a reply of its own.
var (
	errPortSyntax  = errors.New("paradise: malformed address")
	errPortRefused = errors.New("paradise: address refused") // bounce attack, RFC 2577, 3
	errPortFamily  = errors.New("paradise: unknown network protocol")
)

// announceActive notes where a transfer is to connect to. Foreign addresses and
// privileged ports are refused. "Any address" is the client's own: lftp names
// "::" for a socket that it has bound to no address.
func (srv *Server) announceActive(s *Session, remote netip.AddrPort, anyPeer bool) (*dataChan, error) {
	if remote.Addr().IsUnspecified() {
		remote = netip.AddrPortFrom(s.Remote.Addr(), remote.Port())
	}
	if err := srv.activeAllowed(s, remote, anyPeer); err != nil {
		return nil, err
	}
	st := &srv.state
	if !st.limits.takeFDs(dataFDs) {
		return nil, errNoPorts
	}
	return &dataChan{
		port:    remote.Port(),
		expires: time.Now().Add(forever),
		srv:     srv,
		local:   netip.AddrPortFrom(s.Local.Addr(), srv.Active.LocalPort),
		remote:  remote,
	}, nil
}

func (srv *Server) activeAllowed(s *Session, remote netip.AddrPort, anyPeer bool) error {
	a := remote.Addr()
	own := a == s.Remote.Addr()
	foreign := !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsMulticast() && !a.IsUnspecified()
	switch {
	case remote.Port() < 1024:
		return errPortRefused
	case own, srv.Active.AnyPeer && foreign, anyPeer && !a.IsUnspecified() && !a.IsMulticast():
		return nil
	}
	return errPortRefused
}

func (d *dataChan) dial(ctx context.Context, wait time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	nc, err := d.srv.network.dial(ctx, d.local, d.remote)
	if err != nil {
		return nil, errors.Join(errUnreachable, err)
	}
	return nc, nil
}

// parsePort reads PORT's h1,h2,h3,h4,p1,p2 (RFC 959, 4.1.2).
func parsePort(arg string) (netip.AddrPort, error) {
	var n [6]byte
	rest := strings.TrimSpace(arg)
	for i := range n {
		field, after, more := strings.Cut(rest, ",")
		v, err := strconv.ParseUint(strings.TrimSpace(field), 10, 8)
		if err != nil || more != (i < 5) {
			return netip.AddrPort{}, errPortSyntax
		}
		n[i], rest = byte(v), after
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(n[:4])), uint16(n[4])<<8|uint16(n[5])), nil
}

// parseEPRT reads EPRT's |1|132.235.1.2|6275| with any delimiter from 33 to 126
// (RFC 2428, 2).
func parseEPRT(arg string) (netip.AddrPort, error) {
	if len(arg) < 2 || arg[0] < 33 || arg[0] > 126 {
		return netip.AddrPort{}, errPortSyntax
	}
	f := strings.Split(arg, arg[:1])
	if len(f) != 5 || f[0] != "" || f[4] != "" {
		return netip.AddrPort{}, errPortSyntax
	}
	if f[1] != "1" && f[1] != "2" {
		if _, err := strconv.ParseUint(f[1], 10, 16); err != nil {
			return netip.AddrPort{}, errPortSyntax
		}
		return netip.AddrPort{}, errPortFamily
	}
	a, err := netip.ParseAddr(f[2])
	port, perr := strconv.ParseUint(f[3], 10, 16)
	if err != nil || perr != nil || a.Zone() != "" || a.Is4() != (f[1] == "1") {
		return netip.AddrPort{}, errPortSyntax
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(port)), nil
}

// parseLPRT reads LPRT's 4,4,h1..h4,2,p1,p2 (RFC 1639) for IPv4.
func parseLPRT(arg string) (netip.AddrPort, error) {
	f := strings.Split(strings.TrimSpace(arg), ",")
	if len(f) < 2 {
		return netip.AddrPort{}, errPortSyntax
	}
	if f[0] != "4" {
		return netip.AddrPort{}, errPortFamily
	}
	if len(f) != 9 || f[1] != "4" || f[6] != "2" {
		return netip.AddrPort{}, errPortSyntax
	}
	return parsePort(strings.Join(append(f[2:6:6], f[7:]...), ","))
}
