package paradise

import (
	"context"
	"crypto/tls"
	"log/slog"
	"strings"
	"time"

	"github.com/paradiseftp/paradise/internal/ftptls"
)

// closeNotifyTime is how long a close may wait for the socket to take a
// close_notify; it never waits for the peer's.
const closeNotifyTime = 500 * time.Millisecond

// startTLS makes the control connection a TLS one. What was learnt in the clear
// is forgotten, but HOST, which the client's SNI must not contradict. A client
// that fails is left without a word (RFC 4217, 10.1).
func (c *conn) startTLS(ctx context.Context, private bool) bool {
	c.tls.control = c.env.tls.Control(c.raw)
	conn := c.tls.control.Server(c.facts().Host)
	c.raw.SetDeadline(time.Now().Add(c.env.timeouts.Handshake))
	err := conn.HandshakeContext(ctx)
	c.env.counters.handshake(err == nil)
	if err != nil {
		level := slog.LevelWarn
		if private && !c.tls.control.Wire.Heard() {
			level = slog.LevelDebug // not even a ClientHello came: see conn.spoke
		}
		s := c.facts()
		c.env.log.Log(ctx, level, "TLS handshake failed", "session", s.ID, "remote", s.Remote.String(), "error", err)
		c.raw.Close()
		return false
	}
	c.raw.SetDeadline(time.Time{})
	c.enterTLS(conn)
	c.tls.begin(private)
	return true
}

func (c *conn) enterTLS(conn *tls.Conn) {
	c.mu.Lock()
	c.nc = conn
	c.mu.Unlock()
	state := conn.ConnectionState()
	c.tls.on = true
	setup, name, host := c.env.tls, strings.ToLower(state.ServerName), c.facts().Host
	if setup.Knows(name) {
		host, c.tls.host = name, name
	} else if setup.Differs(host) {
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
	return c.tls.control.MetAs(host)
}

// closeTLS closes the control connection with a close_notify, if the socket
// takes it at once.
func (c *conn) closeTLS() {
	drained(c.raw)
	c.tls.control.Wire.CloseConn(c.nc, closeNotifyTime)
}

// forget resets what the client said: at AUTH and REIN.
func (c *conn) forget() {
	c.dropData()
	c.login.reset()
	c.params = newParams("/")
	c.vacate()
	c.update(func(s *Session) {
		s.User = User{}
		s.Policy = c.env.policy
	})
}

// vacate gives the user's place back.
func (c *conn) vacate() {
	c.mu.Lock()
	user := c.counted
	c.counted = ""
	c.mu.Unlock()
	c.env.admission.userLeft(user)
}

// dataTLS says how a data connection is to be secured; nil for PROT C.
func (c *conn) dataTLS(upload bool) *ftptls.Data {
	if !c.tls.private {
		return nil
	}
	s := c.facts()
	o := ftptls.DataOptions{
		Upload:    upload,
		NoTickets: s.Policy.DataTLSReuse == ReuseOff,
		Require:   s.Policy.DataTLSReuse == ReuseRequire,
	}
	if len(s.TLS.VerifiedChains) > 0 {
		o.Owner = s.TLS.PeerCertificates[0]
	}
	return c.tls.control.Data(o)
}

// tlsRule is the rule in force: the zero means required where TLS is possible.
func (c *conn) tlsRule() TLSRule {
	rule := c.facts().Policy.TLS
	if rule != TLSDefault {
		return rule
	}
	if c.env.tls == nil {
		return TLSOptional
	}
	return TLSRequired
}

// mayLogIn says whether the control connection is private enough for a login.
func (c *conn) mayLogIn() bool { return c.tls.on || c.tlsRule() == TLSOptional }

// mayTransfer says whether the data connection's protection is enough.
func (c *conn) mayTransfer() bool { return c.tls.private || c.tlsRule() != TLSRequired }
