package paradise

import (
	"context"
	"encoding/binary"
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
// privileged ports are refused. "::" is the client's own: lftp names it for a
// socket that it has bound to no address. 0.0.0.0 is refused.
func (e *services) announceActive(s *Session, remote netip.AddrPort, anyPeer bool) (*dataChan, error) {
	if remote.Addr() == netip.IPv6Unspecified() {
		remote = netip.AddrPortFrom(s.Remote.Addr(), remote.Port())
	}
	if err := e.activeAllowed(s, remote, anyPeer); err != nil {
		return nil, err
	}
	if !e.admission.takeFDs(dataFDs) {
		return nil, errNoPorts
	}
	return &dataChan{
		port:     remote.Port(),
		expires:  time.Now().Add(forever),
		services: e,
		local:    netip.AddrPortFrom(s.Local.Addr(), e.active.LocalPort),
		remote:   remote,
	}, nil
}

func (e *services) activeAllowed(s *Session, remote netip.AddrPort, anyPeer bool) error {
	a := remote.Addr()
	own := a == s.Remote.Addr()
	foreign := !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsMulticast() && !a.IsUnspecified()
	switch {
	case remote.Port() < 1024:
		return errPortRefused
	case own, e.active.AnyPeer && foreign, anyPeer && !a.IsUnspecified() && !a.IsMulticast():
		return nil
	}
	return errPortRefused
}

func (d *dataChan) dial(ctx context.Context, wait time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	nc, err := d.services.network.dial(ctx, d.local, d.remote)
	if err != nil {
		return nil, errors.Join(errUnreachable, err)
	}
	return nc, nil
}

// octets reads numbers of 8 bits with commas between them.
func octets(arg string) ([]byte, error) {
	var b []byte
	for field := range strings.SplitSeq(arg, ",") {
		v, err := strconv.ParseUint(strings.TrimSpace(field), 10, 8)
		if err != nil {
			return nil, errPortSyntax
		}
		b = append(b, byte(v))
	}
	return b, nil
}

// parsePort reads PORT's h1,h2,h3,h4,p1,p2 (RFC 959, 4.1.2).
func parsePort(arg string) (netip.AddrPort, error) {
	n, err := octets(arg)
	if err != nil || len(n) != 6 {
		return netip.AddrPort{}, errPortSyntax
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(n)), binary.BigEndian.Uint16(n[4:])), nil
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

// parseLPRT reads LPRT's 4,4,h1..h4,2,p1,p2 or 6,16,h1..h16,2,p1,p2: family, and
// address and port with their lengths (RFC 1639, 1).
func parseLPRT(arg string) (netip.AddrPort, error) {
	n, err := octets(arg)
	if err != nil || len(n) < 2 {
		return netip.AddrPort{}, errPortSyntax
	}
	size, known := map[byte]int{4: 4, 6: 16}[n[0]]
	if !known {
		return netip.AddrPort{}, errPortFamily
	}
	rest := n[2:]
	if int(n[1]) != size || len(rest) != size+3 || rest[size] != 2 {
		return netip.AddrPort{}, errPortSyntax
	}
	a, _ := netip.AddrFromSlice(rest[:size])
	return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(rest[size+1:])), nil
}
