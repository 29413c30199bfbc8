package paradise

import (
	"crypto/tls"
	"errors"
	"fmt"
	"path"
	"strings"
)

// check finds fields that contradict each other; its sentences say what to
// change.
func (srv *Server) check() error {
	p := srv.Passive
	switch {
	case p.MinPort != 0 && p.MaxPort == 0:
		return errors.New("paradise: Passive.MinPort is set without MaxPort: set both or neither")
	case p.MinPort > p.MaxPort && p.MinPort != 0:
		return fmt.Errorf("paradise: Passive.MinPort (%d) is above MaxPort (%d): exchange them", p.MinPort, p.MaxPort)
	case p.MinPort == 0 && p.MaxPort != 0:
		return errors.New("paradise: Passive.MaxPort is set without MinPort: set both or neither")
	case p.PublicIP.IsValid() && !p.PublicIP.Unmap().Is4():
		return fmt.Errorf("paradise: Passive.PublicIP %v is not an IPv4 address; "+
			"PASV can announce no other: leave it empty for IPv6", p.PublicIP)
	case srv.Policy.ASCIIDefault && srv.Policy.RawASCII:
		return errors.New("paradise: Policy.ASCIIDefault asks for the conversion that " +
			"Policy.RawASCII switches off: leave one of them out")
	case srv.Policy.LostControlWait > longestLostWait:
		return fmt.Errorf("paradise: Policy.LostControlWait is %v, which each upload in the clear would end later: "+
			"use %v or less", srv.Policy.LostControlWait, longestLostWait)
	case srv.SniffLen < 0 || srv.SniffLen > 4096:
		return fmt.Errorf("paradise: SniffLen %d is out of range: use 1 to 4096, or 0 for 512", srv.SniffLen)
	}
	if refused := srv.Policy.Digests &^ usableDigests(); refused != 0 {
		return fmt.Errorf("paradise: Policy.Digests has %v, which this process may not compute (FIPS 140): "+
			"leave it out", refused)
	}
	if err := srv.FirstIDs.check(); err != nil {
		return err
	}
	if err := srv.checkTLS(); err != nil {
		return err
	}
	return srv.Policy.Gate.check()
}

func (srv *Server) checkTLS() error {
	needs := srv.Policy.TLS == TLSLogin || srv.Policy.TLS == TLSRequired
	switch {
	case needs && srv.TLSConfig == nil:
		return errors.New("paradise: Policy.TLS requires TLS but there is no certificate: " +
			"set Server.TLSConfig, or Policy.TLS to TLSOptional")
	case srv.Policy.DataTLSReuse == ReuseRequire && srv.TLSConfig == nil:
		return errors.New("paradise: Policy.DataTLSReuse is ReuseRequire but there is no certificate: " +
			"set Server.TLSConfig")
	case srv.StrictSNI && srv.TLSConfig == nil:
		return errors.New("paradise: StrictSNI is set but there is no certificate: set Server.TLSConfig")
	}
	if err := srv.checkTLSConfig("TLSConfig", srv.TLSConfig); err != nil {
		return err
	}
	for name, h := range srv.Hosts {
		if said, _ := hostName(name); name == "" || said != name {
			return fmt.Errorf("paradise: Hosts has %q: "+
				"host names are written in lower case, addresses as in [2001:db8::1]", name)
		}
		if h.TLSConfig != nil && srv.TLSConfig == nil {
			return fmt.Errorf("paradise: Hosts[%q] has a TLSConfig but the server has none: "+
				"set Server.TLSConfig too", name)
		}
		if err := srv.checkTLSConfig(fmt.Sprintf("Hosts[%q].TLSConfig", name), h.TLSConfig); err != nil {
			return err
		}
	}
	return nil
}

// checkTLSConfig looks at one configuration; nil is right.
func (srv *Server) checkTLSConfig(field string, c *tls.Config) error {
	switch {
	case c == nil:
		return nil
	case len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil:
		return fmt.Errorf("paradise: %s has no certificate: set Certificates or GetCertificate", field)
	case c.WrapSession != nil || c.UnwrapSession != nil:
		return fmt.Errorf("paradise: %s.WrapSession and UnwrapSession are used to bind data connections: "+
			"leave them nil", field)
	case c.SessionTicketsDisabled && srv.Policy.DataTLSReuse == ReuseRequire:
		return fmt.Errorf("paradise: Policy.DataTLSReuse is ReuseRequire but %s.SessionTicketsDisabled "+
			"leaves nothing to resume: set it to false", field)
	}
	return nil
}

func (g Gate) check() error {
	for _, list := range [][]string{g.Names, g.DenyNames} {
		for _, p := range list {
			if _, err := path.Match(p, ""); err != nil {
				return fmt.Errorf("paradise: Policy.Gate has the malformed name pattern %q", p)
			}
		}
	}
	for _, list := range [][]string{g.Allow, g.Deny} {
		for _, t := range list {
			if strings.Count(t, "/") != 1 || strings.HasPrefix(t, "/") || strings.HasSuffix(t, "/") {
				return fmt.Errorf("paradise: Policy.Gate has %q, which is no MIME type: "+
					"write type/subtype or type/*", t)
			}
		}
	}
	return nil
}
