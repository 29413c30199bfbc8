package ftptls

import (
	"bytes"
	"crypto/tls"
	"slices"
)

// wrapper is a function for tls.Config.WrapSession.
type wrapper = func(tls.ConnectionState, *tls.SessionState) ([]byte, error)

// wrap seals secrets into the tickets of a connection.
func (s *Setup) wrap(secrets ...[]byte) wrapper {
	return func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		ss.Extra = append(ss.Extra, secrets...)
		return s.tickets.EncryptTicket(cs, ss)
	}
}

// wrapResumed seals the tag only if the data connection was resumed itself. Any other may
// be a thief's: TLS issues the ticket before we can refuse him, and he would come back
// with it.
//
// In TLS 1.2 no ticket is better than another one of the same session. A new one
// makes OpenSSL drop the session that it came from, which PHP and Ruby offer to
// their next data connection. crypto/tls always sends the message, and an empty
// ticket in it stands for none (RFC 5077, 3.3). Only crypto/tls itself takes that
// for a ticket, and forgets the one it has: it gets a new one, which does it no harm.
func (s *Setup) wrapResumed(tag []byte, from *peer) wrapper {
	seal := s.wrap(tag)
	return func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		switch {
		case cs.Version < tls.VersionTLS13 && !from.isGo:
			return nil, nil
		case cs.DidResume:
			return seal(cs, ss)
		}
		return s.tickets.EncryptTicket(cs, ss)
	}
}

// peer is what a data connection's hello says of who sent it.
type peer struct{ isGo bool }

// look recognizes crypto/tls: its clients ask for certificate timestamps, which
// OpenSSL and GnuTLS do not, and never know encrypt-then-MAC, which those do. A test
// watches that a Go release keeps it so.
func (p *peer) look(hello *tls.ClientHelloInfo) {
	const certificateTimestamps, encryptThenMAC = 18, 22 // RFC 6962, 3.3.1; RFC 7366, 2
	p.isGo = slices.Contains(hello.Extensions, certificateTimestamps) &&
		!slices.Contains(hello.Extensions, encryptThenMAC)
}

// unwrap opens a ticket that holds the secret; any other leads to a full
// handshake. With a session's tag, a resumed data connection is one that belongs
// there.
func (s *Setup) unwrap(secret []byte) func([]byte, tls.ConnectionState) (*tls.SessionState, error) {
	return func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		ss, err := s.tickets.DecryptTicket(ticket, cs)
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
		modern := slices.Contains(hello.SupportedVersions, tls.VersionTLS13) &&
			(config.MaxVersion == 0 || config.MaxVersion >= tls.VersionTLS13)
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
