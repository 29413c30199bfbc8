package ftptls

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
)

// Control is the TLS of one control connection, which that of its data connections comes
// from. Its methods are for the goroutine of the session.
type Control struct {
	Wire   Wire // the transport
	setup  *Setup
	tag    []byte      // names the session inside its tickets
	config *tls.Config // the one that was chosen
	origin *tls.Config // the one of the host, or of none, that it came from
}

// Control returns the TLS of a control connection over nc.
func (s *Setup) Control(nc net.Conn) *Control {
	return &Control{Wire: Wire{Conn: nc}, setup: s, tag: newSecret("paradise/session:")}
}

// Server returns the connection whose handshake chooses the configuration. Host is the
// name that the client gave by HOST, in lower case, if any; an SNI that contradicts it
// fails the handshake.
func (c *Control) Server(host string) *tls.Conn {
	return tls.Server(&c.Wire, &tls.Config{
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return c.choose(hello, host) },
		// The tickets are the business of the configuration that is chosen.
		SessionTicketsDisabled: true,
	})
}

func (c *Control) choose(hello *tls.ClientHelloInfo, host string) (*tls.Config, error) {
	if name := strings.ToLower(hello.ServerName); host != "" && name != "" && name != host {
		return nil, fmt.Errorf("ftptls: HOST %q contradicts SNI %q", host, name)
	}
	config, origin, err := c.setup.choose(hello, host)
	if err != nil {
		return nil, err
	}
	c.config, c.origin = config, origin
	return c.setup.controlConfig(config, c.tag, c.setup.marks[origin]), nil
}

// MetAs reports whether a client of this host would have been met with the same
// certificates and client authorities.
func (c *Control) MetAs(host string) bool { return c.setup.configOf(host) == c.origin }

// controlConfig seals the session's tag into its tickets. Whether it resumes an
// earlier control session or not, it has one tag and no ancestors': crypto/tls
// begins every ticket's Extra anew, and a test watches that.
func (s *Setup) controlConfig(from *tls.Config, tag, mark []byte) *tls.Config {
	config := from.Clone()
	config.SessionTicketsDisabled = config.SessionTicketsDisabled || s.off
	if mark == nil {
		config.WrapSession = s.wrap(tag)
		config.UnwrapSession = func([]byte, tls.ConnectionState) (*tls.SessionState, error) { return nil, nil }
		return config
	}
	config.WrapSession = s.wrap(tag, mark)
	config.UnwrapSession = s.unwrap(mark)
	return config
}
