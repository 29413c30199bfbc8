package ftptls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
)

// Reasons to refuse a data connection whose handshake was done.
var (
	ErrNotResumed = errors.New("ftptls: session was not resumed on the data connection")
	ErrNotOwner   = errors.New("ftptls: data connection shows another client certificate than the control connection")
)

// DataOptions say how a data connection is to be secured.
type DataOptions struct {
	Upload    bool              // the client only writes
	NoTickets bool              // nothing is resumed, and no ticket given
	Require   bool              // it must resume the session of the control connection
	Owner     *x509.Certificate // of the session's verified client; nil: anyone
}

// Data is the TLS of one data connection.
type Data struct {
	config  *tls.Config
	require bool
	owner   *x509.Certificate
}

// Data returns the TLS of a data connection that belongs to the session. The handshake of
// the control connection must be done.
func (c *Control) Data(o DataOptions) *Data {
	config := c.config.Clone()
	config.GetConfigForClient = nil
	d := &Data{config: config, require: o.Require, owner: o.Owner}
	if o.NoTickets {
		config.SessionTicketsDisabled = true
		return d
	}
	from := &peer{}
	config.WrapSession = c.setup.wrapResumed(c.tag, from)
	config.UnwrapSession = c.setup.unwrap(c.tag)
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		from.look(hello)
		return nil, nil
	}
	if o.Upload && !d.require {
		withoutNewTickets(config)
	}
	return d
}

// Server returns the TLS connection over nc. We are the TLS server in active mode too
// (RFC 4217, 7). It may be called once.
func (d *Data) Server(nc net.Conn) *tls.Conn { return tls.Server(nc, d.config) }

// Verify checks a connection whose handshake is done: ErrNotResumed or ErrNotOwner. A full
// handshake proves nothing but that the peer knows the protocol: where the control
// connection showed a certificate the data connection must show the same (RFC 4217,
// 15.1.2).
func (d *Data) Verify(state tls.ConnectionState) error {
	switch {
	case d.require && !state.DidResume:
		return ErrNotResumed
	case d.owner == nil:
		return nil
	case len(state.PeerCertificates) == 0 || !state.PeerCertificates[0].Equal(d.owner):
		return ErrNotOwner
	}
	return nil
}
