package paradise

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
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
	private  bool   // PROT P
	began    bool   // private from the start: implicit TLS, AUTH SSL
	host     string // the virtual host that was negotiated for, if any
	*handshake
}

// handshake is what the control connection's left behind.
type handshake struct {
	tag    []byte      // names the session inside its tickets
	base   *tls.Config // the configuration that was chosen
	origin *tls.Config // the one of the host or the server that it came from
	wire   *tlsWire
}

// begin is the protection right after the handshake.
func (t *tlsState) begin(private bool) {
	t.pbsz, t.private, t.began = false, private, private
}

// tlsSetup is what all TLS connections of a server share.
type tlsSetup struct {
	tickets *tls.Config            // its rotating keys seal every ticket
	base    *tls.Config            // of no host in particular
	hosts   map[string]*tls.Config // by SNI or HOST
	marks   map[*tls.Config][]byte // of those whose control sessions may be resumed
	strict  bool
	off     bool // no tickets: Policy.DataTLSReuse of the server
}

func newTLSSetup(srv *Server) *tlsSetup {
	if srv.TLSConfig == nil {
		return nil
	}
	setup := &tlsSetup{
		tickets: &tls.Config{},
		base:    ftpConfig(srv.TLSConfig),
		hosts:   make(map[string]*tls.Config),
		marks:   make(map[*tls.Config][]byte),
		strict:  srv.StrictSNI,
		off:     srv.Policy.DataTLSReuse == ReuseOff,
	}
	for name, h := range srv.Hosts {
		setup.hosts[name] = setup.base
		if h.TLSConfig != nil {
			setup.hosts[name] = ftpConfig(h.TLSConfig)
		}
	}
	setup.mark(setup.base)
	for _, config := range setup.hosts {
		setup.mark(config)
	}
	return setup
}

// mark lets a client that comes again resume its control session, which spares
// the signature of a full handshake. What it resumes is of the same host, and
// proves nothing: its new session has a tag of its own. Where clients show
// certificates they show them each time.
func (setup *tlsSetup) mark(config *tls.Config) {
	if config.ClientAuth != tls.NoClientCert || config.GetConfigForClient != nil || setup.marks[config] != nil {
		return
	}
	setup.marks[config] = newSecret("paradise/host:")
}

// ftpConfig names the protocol, so that a client meant for another one is
// turned away (ALPACA), and leaves record sizes at their largest. A list without
// "ftp" was made for another protocol, most likely for HTTPS.
func ftpConfig(from *tls.Config) *tls.Config {
	config := from.Clone()
	if !slices.Contains(config.NextProtos, "ftp") {
		config.NextProtos = []string{"ftp"}
	}
	config.DynamicRecordSizingDisabled = true
	return config
}

// configOf is the configuration of a virtual host, or of the server.
func (setup *tlsSetup) configOf(host string) *tls.Config {
	if config, known := setup.hosts[host]; known {
		return config
	}
	return setup.base
}

// choose picks the configuration for a client that names a host, by SNI or, if
// it sent none, by HOST before (RFC 7151, 4).
func (setup *tlsSetup) choose(hello *tls.ClientHelloInfo, host string) (config, origin *tls.Config, err error) {
	name := cmp.Or(strings.ToLower(hello.ServerName), host)
	origin = setup.configOf(name)
	config = origin
	if config.GetConfigForClient != nil {
		chosen, err := config.GetConfigForClient(hello)
		if err != nil {
			return nil, nil, err
		}
		if chosen != nil {
			config = ftpConfig(chosen)
		}
	}
	if _, known := setup.hosts[name]; setup.strict && name != "" && !known && !certified(config, hello) {
		return unrecognized, unrecognized, nil
	}
	return config, origin, nil
}

// unrecognized has no certificate: crypto/tls answers unrecognized_name then.
var unrecognized = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}

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
		leaf := leafOf(cert)
		return leaf != nil && leaf.VerifyHostname(hello.ServerName) == nil
	})
}

// leafOf parses the certificate where nobody did so before.
func leafOf(cert *tls.Certificate) *x509.Certificate {
	if cert.Leaf != nil || len(cert.Certificate) == 0 {
		return cert.Leaf
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil
	}
	return leaf
}

// startTLS makes the control connection a TLS one. What was learnt in the clear
// is forgotten, but HOST, which the client's SNI must not contradict. A client
// that fails is left without a word (RFC 4217, 10.1).
func (c *conn) startTLS(ctx context.Context, private bool) bool {
	c.tls.handshake = &handshake{tag: newSecret("paradise/session:"), wire: &tlsWire{Conn: c.raw}}
	// The tickets are the business of the configuration that is chosen.
	config := &tls.Config{GetConfigForClient: c.controlTLS, SessionTicketsDisabled: true}
	conn := tls.Server(c.tls.wire, config)
	c.raw.SetDeadline(time.Now().Add(c.srv.state.timeouts.Handshake))
	err := conn.HandshakeContext(ctx)
	c.srv.state.counters.handshake(err == nil)
	if err != nil {
		level := slog.LevelWarn
		if private && !c.tls.wire.heard {
			level = slog.LevelDebug // not even a ClientHello came: see conn.spoke
		}
		c.srv.state.log.Log(ctx, level, "TLS handshake failed", "session", c.facts().ID, "remote", c.facts().Remote.String(), "error", err)
		c.raw.Close()
		return false
	}
	c.raw.SetDeadline(time.Time{})
	c.enterTLS(conn)
	c.tls.begin(private)
	return true
}

// controlTLS is the configuration for a client's hello.
func (c *conn) controlTLS(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	setup, host := c.srv.state.tls, c.facts().Host
	if name := strings.ToLower(hello.ServerName); host != "" && name != "" && name != host {
		return nil, fmt.Errorf("paradise: HOST %q contradicts SNI %q", host, name)
	}
	config, origin, err := setup.choose(hello, host)
	if err != nil {
		return nil, err
	}
	c.tls.base, c.tls.origin = config, origin
	return setup.controlConfig(config, c.tls.tag, setup.marks[origin]), nil
}

func (c *conn) enterTLS(conn *tls.Conn) {
	c.mu.Lock()
	c.nc = conn
	c.mu.Unlock()
	state := conn.ConnectionState()
	c.tls.on = true
	setup, name, host := c.srv.state.tls, strings.ToLower(state.ServerName), c.facts().Host
	if _, known := setup.hosts[name]; known {
		host, c.tls.host = name, name
	} else if setup.configOf(host) != setup.base {
		c.tls.host = host
	}
	c.forget()
	c.update(func(s *Session) { s.TLS, s.Host = &state, host })
}

// fits reports whether a session may be one of a virtual host. Over TLS that is
// the host which the client named; if it named none, one whose certificates and
// client authorities are those that it was met with.
func (c *conn) fits(host string) bool {
	t := c.facts().TLS
	switch {
	case t == nil:
		return true
	case t.ServerName != "":
		return strings.EqualFold(t.ServerName, host)
	}
	return c.srv.state.tls.configOf(host) == c.tls.origin
}

// closeTLS closes the control connection with a close_notify, if the socket
// takes it at once: crypto/tls alone would wait 5 s for a peer that reads nothing.
func (c *conn) closeTLS() {
	drained(c.raw)
	c.raw.SetDeadline(time.Now().Add(closeNotifyTime))
	c.tls.wire.closing.Store(true)
	c.nc.Close()
}

// forget resets what the client said: at AUTH and REIN.
func (c *conn) forget() {
	c.dropData()
	c.login.reset()
	c.params = newParams("/")
	c.vacate()
	c.update(func(s *Session) {
		s.User = User{}
		s.Policy = c.srv.Policy
	})
}

// newSecret is the name of a control session, or of a host, inside tickets.
func newSecret(kind string) []byte {
	id := make([]byte, 16)
	rand.Read(id)
	return append([]byte(kind), id...)
}

// controlConfig seals the session's tag into its tickets. Whether it resumes an
// earlier control session or not, it has one tag and no ancestors': crypto/tls
// begins every ticket's Extra anew, and a test watches that.
func (setup *tlsSetup) controlConfig(from *tls.Config, tag, mark []byte) *tls.Config {
	config := from.Clone()
	config.SessionTicketsDisabled = config.SessionTicketsDisabled || setup.off
	if mark == nil {
		config.WrapSession = setup.wrap(tag)
		config.UnwrapSession = func([]byte, tls.ConnectionState) (*tls.SessionState, error) { return nil, nil }
		return config
	}
	config.WrapSession = setup.wrap(tag, mark)
	config.UnwrapSession = setup.unwrap(mark)
	return config
}

// wrap seals secrets into the tickets of a connection.
func (setup *tlsSetup) wrap(secrets ...[]byte) func(tls.ConnectionState, *tls.SessionState) ([]byte, error) {
	return func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		ss.Extra = append(ss.Extra, secrets...)
		return setup.tickets.EncryptTicket(cs, ss)
	}
}

// wrapResumed does so on a data connection that was resumed. Any other may be a
// thief's: he gets his ticket before he is refused, and would come back with it.
//
// In TLS 1.2 no ticket is better than another one of the same session. A new one
// makes OpenSSL drop the session that it came from, which PHP and Ruby offer to
// their next data connection. crypto/tls always sends the message, and an empty
// ticket in it stands for none (RFC 5077, 3.3). Only crypto/tls itself takes that
// for a ticket, and forgets the one it has: it gets a new one, which does it no harm.
func (setup *tlsSetup) wrapResumed(tag []byte, peer *tlsPeer) func(tls.ConnectionState, *tls.SessionState) ([]byte, error) {
	seal := setup.wrap(tag)
	return func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		switch {
		case cs.Version < tls.VersionTLS13 && !peer.isGo:
			return nil, nil
		case cs.DidResume:
			return seal(cs, ss)
		}
		return setup.tickets.EncryptTicket(cs, ss)
	}
}

// tlsPeer is what a data connection's hello says of who sent it.
type tlsPeer struct{ isGo bool }

// look recognizes crypto/tls: its clients ask for certificate timestamps, which
// OpenSSL and GnuTLS do not, and never know encrypt-then-MAC, which those do. A test
// watches that a Go release keeps it so.
func (p *tlsPeer) look(hello *tls.ClientHelloInfo) {
	const certificateTimestamps, encryptThenMAC = 18, 22 // RFC 6962, 3.3.1; RFC 7366, 2
	p.isGo = slices.Contains(hello.Extensions, certificateTimestamps) && !slices.Contains(hello.Extensions, encryptThenMAC)
}

// unwrap opens a ticket that holds the secret; any other leads to a full
// handshake. With a session's tag, a resumed data connection is one that belongs
// there.
func (setup *tlsSetup) unwrap(secret []byte) func([]byte, tls.ConnectionState) (*tls.SessionState, error) {
	return func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		ss, err := setup.tickets.DecryptTicket(ticket, cs)
		if err != nil || ss == nil {
			return nil, nil
		}
		own := slices.ContainsFunc(ss.Extra, func(extra []byte) bool { return bytes.Equal(extra, secret) })
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
	owner   *x509.Certificate // of the session's verified client; nil: anyone
}

// dataTLS is nil for PROT C.
func (c *conn) dataTLS(upload bool) *dataTLS {
	if !c.tls.private {
		return nil
	}
	setup, s := c.srv.state.tls, c.facts()
	config := c.tls.base.Clone()
	config.GetConfigForClient = nil
	d := &dataTLS{config: config, require: s.Policy.DataTLSReuse == ReuseRequire}
	if len(s.TLS.VerifiedChains) > 0 {
		d.owner = s.TLS.PeerCertificates[0]
	}
	if s.Policy.DataTLSReuse == ReuseOff {
		config.SessionTicketsDisabled = true
		return d
	}
	peer := &tlsPeer{}
	config.WrapSession = setup.wrapResumed(c.tls.tag, peer)
	config.UnwrapSession = setup.unwrap(c.tls.tag)
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		peer.look(hello)
		return nil, nil
	}
	if upload && !d.require {
		withoutNewTickets(config)
	}
	return d
}

// admits checks a connection whose handshake is done. A full handshake proves
// nothing but that the peer knows the protocol: where the control connection
// showed a certificate the data connection must show the same (RFC 4217, 15.1.2).
func (d *dataTLS) admits(state tls.ConnectionState) error {
	switch {
	case d.require && !state.DidResume:
		return errNotResumed
	case d.owner == nil:
		return nil
	case len(state.PeerCertificates) == 0 || !state.PeerCertificates[0].Equal(d.owner):
		return errors.Join(errHandshake, errNotOwner)
	}
	return nil
}

// errNotOwner is a client certificate other than the control connection's.
var errNotOwner = errors.New("paradise: data connection shows another client certificate than the control connection")

// withoutNewTickets lets one connection resume but get no ticket in TLS 1.3.
// There the ticket is sent after the handshake, and a client that only writes and
// closes with it unread makes its own kernel send RST and throw its last bytes
// away. TLS 1.2 has the ticket inside the handshake and stays as it is.
//
// crypto/tls looks at SessionTicketsDisabled again when it comes to sending
// tickets, on the goroutine that calls these functions; config serves no other
// connection. A test watches that a Go release keeps it so.
func withoutNewTickets(config *tls.Config) {
	const preSharedKey = 41 // RFC 8446, 4.2.11
	look := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		modern := slices.Contains(hello.SupportedVersions, tls.VersionTLS13) && (config.MaxVersion == 0 || config.MaxVersion >= tls.VersionTLS13)
		if modern && !slices.Contains(hello.Extensions, preSharedKey) {
			config.SessionTicketsDisabled = true
		}
		return look(hello)
	}
	unwrap := config.UnwrapSession
	config.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		if cs.Version == tls.VersionTLS13 {
			config.SessionTicketsDisabled = true
		}
		return unwrap(ticket, cs)
	}
}
