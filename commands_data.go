package paradise

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

func dataCommands() []*command {
	return []*command{
		{
			name: "PASV", ref: "RFC 959, 4.1.2",
			needs: needLogin | keepsBoth,
			codes: []int{227, 425, 503},
			run:   cmdPasv,
		},
		{
			name: "EPSV", syntax: "[1|2|ALL]", feat: "EPSV", ref: "RFC 2428, 3",
			needs: needLogin | keepsBoth,
			codes: []int{200, 229, 425, 501, 502, 522},
			run:   cmdEpsv,
		},
		{
			name: "LPSV", feat: "LPSV", ref: "RFC 1639, 2",
			needs: needLogin | keepsBoth,
			codes: []int{228, 425, 503},
			run:   cmdLpsv,
		},
		{
			name: "PORT", syntax: "h1,h2,h3,h4,p1,p2", ref: "RFC 959, 4.1.2",
			needs: needLogin | needArg | keepsBoth,
			codes: []int{200, 425, 502, 503, 504, 522},
			run:   cmdPort,
		},
		{
			name: "EPRT", syntax: "|1|address|port|", feat: "EPRT", ref: "RFC 2428, 2",
			needs: needLogin | needArg | keepsBoth,
			codes: []int{200, 425, 502, 503, 504, 522},
			run:   cmdEprt,
		},
		{
			name: "LPRT", syntax: "4,4,h1,h2,h3,h4,2,p1,p2", feat: "LPRT", ref: "RFC 1639, 1",
			needs: needLogin | needArg | keepsBoth,
			codes: []int{200, 425, 502, 503, 504, 521},
			run:   cmdLprt,
		},
	}
}

// offer closes the former data channel, opens a passive one and says where.
func (c *conn) offer(verb, arg string, announce func(port uint16) reply) reply {
	c.dropData()
	d, err := c.env.listenPassive(c.ctx, c.facts())
	if err != nil {
		return reply{code: 425, text: "Can't open a passive port, try again later", err: err}
	}
	c.channelOffered(d, verb, arg)
	c.data.Store(d)
	return announce(d.port)
}

// refusedByEPSV is the answer to everything else once EPSV ALL was said (RFC
// 2428, 4).
func (c *conn) refusedByEPSV() (reply, bool) {
	return say(503, "Refused after EPSV ALL"), c.params.epsvAll
}

// cmdPasv names an IPv4 address, so a client on IPv6 must use EPSV.
func cmdPasv(c *conn, arg string) reply {
	if r, refused := c.refusedByEPSV(); refused {
		return r
	}
	s := c.facts()
	addr := c.env.announced(c.ctx, s)
	if !s.Local.Addr().Is4() || !addr.Is4() {
		return say(425, "PASV needs IPv4, use EPSV")
	}
	return c.offer("PASV", arg, func(port uint16) reply {
		return say(227, "Entering Passive Mode ("+commas(addr, port)+")")
	})
}

// commas writes h1,h2,h3,h4,p1,p2.
func commas(addr netip.Addr, port uint16) string {
	b := make([]byte, 0, 24)
	for _, n := range addr.As4() {
		b = append(strconv.AppendUint(b, uint64(n), 10), ',')
	}
	b = append(strconv.AppendUint(b, uint64(port>>8), 10), ',')
	return string(strconv.AppendUint(b, uint64(port&0xFF), 10))
}

// cmdEpsv answers for the control connection's own protocol; another one asked
// for is 522 with the one there is.
func cmdEpsv(c *conn, arg string) reply {
	if c.env.passive.NoEPSV {
		return say(502, "EPSV is switched off here, use PASV")
	}
	own := "2"
	if c.facts().Local.Addr().Is4() {
		own = "1"
	}
	switch arg = strings.ToUpper(strings.TrimSpace(arg)); {
	case arg == "ALL":
		c.params.epsvAll = true
		return say(200, "EPSV ALL ok")
	case arg != "" && !isDigits(arg):
		return say(501, "Syntax: EPSV [1|2|ALL]")
	case arg != "" && arg != own:
		return say(522, "Network protocol not supported, use ("+own+")")
	}
	return c.offer("EPSV", arg, func(port uint16) reply {
		return say(229, "Entering Extended Passive Mode (|||"+strconv.Itoa(int(port))+"|)")
	})
}

// cmdLpsv is RFC 1639's way, for old BSD clients.
func cmdLpsv(c *conn, arg string) reply {
	if r, refused := c.refusedByEPSV(); refused {
		return r
	}
	addr := c.facts().Local.Addr()
	if public := c.env.announced(c.ctx, c.facts()); addr.Is4() && public.Is4() {
		addr = public
	}
	return c.offer("LPSV", arg, func(port uint16) reply {
		kind, raw := "4", addr.AsSlice()
		if addr.Is6() {
			kind = "6"
		}
		text := kind + "," + strconv.Itoa(len(raw))
		for _, n := range append(raw, 2, byte(port>>8), byte(port)) {
			text += "," + strconv.Itoa(int(n))
		}
		return say(228, "Entering Long Passive Mode ("+text+")")
	})
}

func cmdPort(c *conn, arg string) reply {
	addr, err := parsePort(arg)
	return c.announce("PORT", addr, err)
}

func cmdEprt(c *conn, arg string) reply {
	addr, err := parseEPRT(arg)
	return c.announce("EPRT", addr, err)
}

func cmdLprt(c *conn, arg string) reply {
	addr, err := parseLPRT(arg)
	return c.announce("LPRT", addr, err)
}

// announce notes where to connect to, once the address is one that the client
// may name. The former channel closes in any case.
func (c *conn) announce(verb string, addr netip.AddrPort, err error) reply {
	if c.env.active.Disable {
		return say(502, "Active mode is switched off here, use PASV or EPSV")
	}
	if r, refused := c.refusedByEPSV(); refused {
		return r
	}
	c.dropData()
	if err == nil && addr.Addr().Is4() != c.facts().Local.Addr().Is4() {
		err = errPortFamily
	}
	var d *dataChan
	if err == nil {
		d, err = c.env.announceActive(c.facts(), addr, c.facts().Policy.Device.AnyActivePeer)
	}
	switch {
	case err == nil:
		c.data.Store(d)
		return say(200, verb+" command successful")
	case errors.Is(err, errPortSyntax):
		return say(501, "Malformed address")
	case errors.Is(err, errPortFamily):
		return c.otherFamily(verb)
	case errors.Is(err, errPortRefused):
		c.env.counters.refuse(refusedBounce)
		err = foreignAddress(c.facts(), addr)
		return reply{code: 504, text: "Address refused: it must be your own, with a port above 1023", err: err}
	}
	return reply{code: 425, text: "Can't open data connection, try again later", err: err}
}

// foreignAddress is the error for an address that a client may not name, with the
// setting that would let it.
func foreignAddress(s *Session, named netip.AddrPort) error {
	if named.Port() < 1024 {
		return fmt.Errorf("%w: port %d is below 1024", errPortRefused, named.Port())
	}
	return fmt.Errorf("%w: the client at %v named %v, "+
		"which Device: AnyActivePeer (any-active-peer of its account) would admit",
		errPortRefused, s.Remote.Addr(), named.Addr())
}

// otherFamily names the control connection's own protocol: as RFC 2428, 2 counts
// them, or RFC 1639, 1.
func (c *conn) otherFamily(verb string) reply {
	version, number := "6", "2"
	if c.facts().Local.Addr().Is4() {
		version, number = "4", "1"
	}
	if verb == "LPRT" {
		return say(521, "Supported address families are ("+version+")")
	}
	return say(522, "Network protocol not supported, use ("+number+")")
}
