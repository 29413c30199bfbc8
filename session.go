package paradise

import (
	"crypto/tls"
	"net/netip"
)

// Session holds what is known of one control connection. It is frozen: login,
// HOST and REIN make a new one, so keep the ID, never the pointer.
type Session struct {
	ID     uint64               // unique among the living, over all servers and restarts; below 2^53
	Local  netip.AddrPort       // of the control connection
	Remote netip.AddrPort       // of the control connection
	Host   string               // from HOST or SNI; empty if none was named
	TLS    *tls.ConnectionState // nil: in the clear
	User   User                 // zero before login
	Policy Policy               // in force
}

// LoggedIn reports whether the client has logged in.
func (s *Session) LoggedIn() bool { return s.User.Name != "" }
