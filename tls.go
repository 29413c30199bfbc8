package paradise

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// closeNotifyTime is how long a close may wait for the socket to take a
// close_notify; it never waits for the peer's.
const closeNotifyTime = 500 * time.Millisecond

// tlsState is what AUTH, PBSZ and PROT have set.
type tlsState struct {
	implicit bool // the listener's kind
	on       bool
	pbsz     bool
	private  bool // PROT P
	tag      []byte
	base     *tls.Config // the configuration that the control handshake chose
}

// tlsSetup is what all TLS connections of a server share.
type tlsSetup struct {
	tickets *tls.Config            // its rotating keys seal every ticket
	base    *tls.Config            // of no host in particular
	hosts   map[string]*tls.Config // by SNI
	strict  bool
}

func newTLSSetup(srv *Server) *tlsSetup {
	if srv.TLSConfig == nil {
		return nil
	}
	setup := &tlsSetup{
		tickets: &tls.Config{},
		base:    ftpConfig(srv.TLSConfig),
		hosts:   make(map[string]*tls.Config),
		strict:  srv.StrictSNI,
	}
	for name, h := range srv.Hosts {
		setup.hosts[name] = setup.base
		if h.TLSConfig != nil {
			setup.hosts[name] = ftpConfig(h.TLSConfig)
		}
	}
	return setup
}

// ftpConfig names the protocol, so that a client meant for another one is
// turned away (ALPACA), and leaves record sizes at their largest.
func ftpConfig(from *tls.Config) *tls.Config {
	config := from.Clone()
	if len(config.NextProtos) == 0 {
		config.NextProtos = []string{"ftp"}
	}
	config.DynamicRecordSizingDisabled = true
	return config
}

// choose picks the configuration for a client that names a host.
func (setup *tlsSetup) choose(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	name := strings.ToLower(hello.ServerName)
	config, known := setup.hosts[name]
	if !known {
		config = setup.base
	}
	if config.GetConfigForClient != nil {
		chosen, err := config.GetConfigForClient(hello)
		if err != nil {
			return nil, err
		}
		if chosen != nil {
			return ftpConfig(chosen), nil
		}
	}
	if setup.strict && name != "" && !known && !certified(config, hello) {
		// Without any certificate crypto/tls sends unrecognized_name.
		return &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}, nil
	}
	return config, nil
}

// certified reports whether one of the certificates is for the named host.
func certified(config *tls.Config, hello *tls.ClientHelloInfo) bool {
	certs := make([]*tls.Certificate, 0, len(config.Certificates)+1)
	if config.GetCertificate != nil {
		if cert, err := config.GetCertificate(hello); err == nil && cert != nil {
			certs = append(certs, cert)
		}
	}
	for i := range config.Certificates {
		certs = append(certs, &config.Certificates[i])
	}
	return slices.ContainsFunc(certs, func(cert *tls.Certificate) bool {
		return cert.Leaf != nil && cert.Leaf.VerifyHostname(hello.ServerName) == nil
	})
}

// startTLS makes the control connection a TLS one. What was learnt in the clear
// is forgotten, but HOST, which the client's SNI must not contradict.
func (c *conn) startTLS(ctx context.Context) bool {
	setup := c.srv.state.tls
	host := c.facts().Host
	c.tls.tag = newSessionTag()
	config := &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if name := strings.ToLower(hello.ServerName); host != "" && name != "" && name != host {
			return nil, fmt.Errorf("paradise: HOST %s contradicts SNI %s", host, name)
		}
		chosen, err := setup.choose(hello)
		if err != nil {
			return nil, err
		}
		c.tls.base = chosen
		return setup.controlConfig(chosen, c.tls.tag), nil
	}}
	conn := tls.Server(c.raw, config)
	c.raw.SetDeadline(time.Now().Add(c.srv.state.timeouts.Handshake))
	if err := conn.HandshakeContext(ctx); err != nil {
		c.srv.state.counters.handshake(false)
		c.srv.state.log.Warn("TLS handshake failed", "session", c.facts().ID, "remote", c.facts().Remote.String(), "error", err)
		return false
	}
	c.raw.SetDeadline(time.Time{})
	c.srv.state.counters.handshake(true)
	c.enterTLS(conn)
	return true
}

func (c *conn) enterTLS(conn *tls.Conn) {
	c.mu.Lock()
	c.nc = conn
	c.mu.Unlock()
	state := conn.ConnectionState()
	c.tls.on = true
	c.forget()
	c.update(func(s *Session) {
		s.TLS = &state
		if _, known := c.srv.Hosts[strings.ToLower(state.ServerName)]; known && s.Host == "" {
			s.Host = strings.ToLower(state.ServerName)
		}
	})
}

// forget resets what the client said: at AUTH and REIN.
func (c *conn) forget() {
	c.dropData()
	c.login.reset()
	c.params = newParams("/")
	c.mu.Lock()
	user := c.counted
	c.counted = ""
	c.mu.Unlock()
	c.srv.state.limits.userLeft(user)
	c.update(func(s *Session) {
		s.User = User{}
		s.Policy = c.srv.Policy
	})
}

// newSessionTag is the secret name of a control session inside its tickets.
func newSessionTag() []byte {
	id := make([]byte, 16)
	rand.Read(id)
	return append([]byte("paradise/1:"), id...)
}

// controlConfig seals the session's tag into its tickets and resumes nothing:
// every control session has one tag and no ancestors.
func (setup *tlsSetup) controlConfig(from *tls.Config, tag []byte) *tls.Config {
	config := from.Clone()
	config.WrapSession = setup.wrap(tag)
	config.UnwrapSession = func([]byte, tls.ConnectionState) (*tls.SessionState, error) { return nil, nil }
	return config
}

func (setup *tlsSetup) wrap(tag []byte) func(tls.ConnectionState, *tls.SessionState) ([]byte, error) {
	return func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		ss.Extra = append(ss.Extra, tag)
		return setup.tickets.EncryptTicket(cs, ss)
	}
}

// unwrap opens a ticket of this very session; any other leads to a full
// handshake, so a resumed data connection is one that belongs here.
func (setup *tlsSetup) unwrap(tag []byte) func([]byte, tls.ConnectionState) (*tls.SessionState, error) {
	return func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		ss, err := setup.tickets.DecryptTicket(ticket, cs)
		if err != nil || ss == nil {
			return nil, nil
		}
		own := slices.ContainsFunc(ss.Extra, func(extra []byte) bool { return bytes.Equal(extra, tag) })
		if !own {
			return nil, nil
		}
		return ss, nil
	}
}

// dataTLS says how one data connection is to be secured.
type dataTLS struct {
	config  *tls.Config
	require bool
}

// dataTLS is nil for PROT C.
func (c *conn) dataTLS(upload bool) *dataTLS {
	if !c.tls.private {
		return nil
	}
	setup := c.srv.state.tls
	config := c.tls.base.Clone()
	config.GetConfigForClient = nil
	reuse := c.facts().Policy.DataTLSReuse
	if reuse == ReuseOff {
		config.SessionTicketsDisabled = true
		return &dataTLS{config: config}
	}
	config.WrapSession = setup.wrap(c.tls.tag)
	config.UnwrapSession = setup.unwrap(c.tls.tag)
	if upload && reuse == ReusePrefer {
		config = withoutNewTickets(config)
	}
	return &dataTLS{config: config, require: reuse == ReuseRequire}
}

// withoutNewTickets resumes but issues no ticket in TLS 1.3. There the ticket is
// sent after the handshake, and a client that only writes and closes with it
// unread makes its own kernel send RST and throw its last bytes away. TLS 1.2
// has the ticket inside the handshake and stays as it is.
func withoutNewTickets(from *tls.Config) *tls.Config {
	const preSharedKey = 41 // RFC 8446, 4.2.11
	outer := from.Clone()
	outer.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		config := from.Clone()
		if !slices.Contains(hello.SupportedVersions, tls.VersionTLS13) || config.MaxVersion != 0 && config.MaxVersion < tls.VersionTLS13 {
			return config, nil
		}
		if !slices.Contains(hello.Extensions, preSharedKey) {
			config.SessionTicketsDisabled = true
			return config, nil
		}
		// crypto/tls asks again whether to send tickets once it has looked at
		// the offered one. A test watches that a Go release keeps it so.
		unwrap := config.UnwrapSession
		config.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
			config.SessionTicketsDisabled = true
			return unwrap(ticket, cs)
		}
		return config, nil
	}
	return outer
}

// noticeConn remembers whether the transport itself ended. crypto/tls returns
// io.EOF for close_notify and for a bare FIN between records alike; only the
// former came from the client.
type noticeConn struct {
	net.Conn
	ended atomic.Bool
}

func (n *noticeConn) Read(p []byte) (int, error) {
	k, err := n.Conn.Read(p)
	if err != nil && !errors.Is(err, errTimeout) {
		n.ended.Store(true)
	}
	return k, err
}

// tlsRule is the rule in force: the zero means required where TLS is possible.
func (c *conn) tlsRule() TLSRule {
	rule := c.facts().Policy.TLS
	if rule != TLSDefault {
		return rule
	}
	if c.srv.TLSConfig == nil {
		return TLSOptional
	}
	return TLSRequired
}

// mayLogIn says whether the control connection is private enough for a login.
func (c *conn) mayLogIn() bool { return c.tls.on || c.tlsRule() == TLSOptional }

// mayTransfer says whether the data connection's protection is enough.
func (c *conn) mayTransfer() bool { return c.tls.private || c.tlsRule() != TLSRequired }
