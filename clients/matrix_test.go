//go:build unix

package clients_test

import (
	"fmt"
	"strings"
)

// dataMode is the verb that opens data connections.
type dataMode string

// family is the address family of control and data connections.
type family string

// tlsMode is how a server and its clients use TLS.
type tlsMode string

const (
	pasv dataMode = "PASV"
	epsv dataMode = "EPSV"
	port dataMode = "PORT"
	eprt dataMode = "EPRT"

	ipv4 family = "IPv4"
	ipv6 family = "IPv6"

	plain    tlsMode = "plain"
	tls12    tlsMode = "TLS 1.2"
	tls13    tlsMode = "TLS 1.3"
	implicit tlsMode = "implicit"
)

var (
	allModes    = []dataMode{pasv, epsv, port, eprt}
	allFamilies = []family{ipv4, ipv6}
	allTLS      = []tlsMode{plain, tls12, tls13, implicit}
)

// active reports whether the server opens the data connection.
func (m dataMode) active() bool { return m == port || m == eprt }

// host is the loopback address.
func (f family) host() string {
	if f == ipv6 {
		return "::1"
	}
	return "127.0.0.1"
}

// passive returns the verb of clients that prefer the older one if possible.
func (f family) passive() dataMode {
	if f == ipv6 {
		return epsv
	}
	return pasv
}

// version returns the TLS version that the server must have seen at login.
func (m tlsMode) version() string {
	switch m {
	case plain:
		return "clear"
	case tls12:
		return "TLS 1.2"
	}
	return "TLS 1.3"
}

// cell is one combination.
type cell struct {
	mode  dataMode
	ip    family
	tls   tlsMode
	ascii bool
	calm  bool // one operation after the other, if the client would run several at once
}

func (c cell) String() string {
	kind := "binary"
	if c.ascii {
		kind = "ASCII"
	}
	return fmt.Sprintf("%s/%s/%s/%s", c.tls, c.ip, c.mode, kind)
}

// typeCode is TYPE's argument.
func (c cell) typeCode() string {
	if c.ascii {
		return "A"
	}
	return "I"
}

func allCells() []cell {
	var cells []cell
	for _, tls := range allTLS {
		for _, ip := range allFamilies {
			for _, mode := range allModes {
				cells = append(cells, cell{mode: mode, ip: ip, tls: tls}, cell{mode: mode, ip: ip, tls: tls, ascii: true})
			}
		}
	}
	return cells
}

// nameless is the reason why PASV and PORT do not work on IPv6: they name IPv4 addresses
// (RFC 959). Clients use EPSV and EPRT there; TestIPv4VerbsOnIPv6 tests the server's side.
func (c cell) nameless() bool { return c.ip == ipv6 && (c.mode == pasv || c.mode == port) }

// outcome is the result of a cell.
type outcome int

const (
	notRun outcome = iota
	passed
	failed
	impossible
)

func (o outcome) String() string { return [...]string{"-", "ok", "FAIL", "n/a"}[o] }

// table returns the matrix as text: a row per client and encryption, a column per data mode
// and family. Each entry has binary first, ASCII second.
func table(client string, got map[cell]outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-28s", client+" (binary, ASCII)")
	for _, ip := range allFamilies {
		for _, mode := range allModes {
			fmt.Fprintf(&b, "%-11s", string(mode)+" "+string(ip)[2:])
		}
	}
	b.WriteByte('\n')
	for _, tls := range allTLS {
		fmt.Fprintf(&b, "%-28s", "  "+string(tls))
		for _, ip := range allFamilies {
			for _, mode := range allModes {
				pair := fmt.Sprintf("%v %v", got[cell{mode: mode, ip: ip, tls: tls}],
					got[cell{mode: mode, ip: ip, tls: tls, ascii: true}])
				fmt.Fprintf(&b, "%-11s", pair)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
