// Package ftptls is the TLS of FTP (RFC 4217), where one session has many connections: it
// chooses the configuration for a client, binds session tickets to the control connection
// that they came from, so that a data connection proves whose it is, and tells a clean end
// of data from one that somebody else made.
package ftptls

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
)

// Options are what a Setup is made of. It copies the configurations.
type Options struct {
	Config    *tls.Config            // of no host in particular; must not be nil
	Hosts     map[string]*tls.Config // by name in lower case, as SNI or HOST give it; nil stands for Config
	StrictSNI bool                   // refuse names that are no host's and on no certificate
	NoTickets bool                   // no connection gets a ticket
}

// Setup is what all TLS connections of a server share. Its methods may be called from any
// goroutine.
type Setup struct {
	tickets *tls.Config // its rotating keys seal every ticket
	base    *tls.Config
	hosts   map[string]*tls.Config
	marks   map[*tls.Config][]byte // of those whose control sessions may be resumed
	strict  bool
	off     bool
}

// New returns a Setup. Its ticket keys are new, so no ticket of another one is valid.
func New(o Options) *Setup {
	s := &Setup{
		tickets: &tls.Config{},
		base:    forFTP(o.Config),
		hosts:   make(map[string]*tls.Config),
		marks:   make(map[*tls.Config][]byte),
		strict:  o.StrictSNI,
		off:     o.NoTickets,
	}
	for name, config := range o.Hosts {
		s.hosts[name] = s.base
		if config != nil {
			s.hosts[name] = forFTP(config)
		}
	}
	s.mark(s.base)
	for _, config := range s.hosts {
		s.mark(config)
	}
	return s
}

// Knows reports whether there is a host of this name.
func (s *Setup) Knows(host string) bool {
	_, known := s.hosts[host]
	return known
}

// Differs reports whether a host has a configuration of its own.
func (s *Setup) Differs(host string) bool { return s.configOf(host) != s.base }

// mark lets a client that comes again resume its control session, which spares
// the signature of a full handshake. What it resumes is of the same host, and
// proves nothing: its new session has a tag of its own. Where clients show
// certificates they show them each time.
func (s *Setup) mark(config *tls.Config) {
	if config.ClientAuth != tls.NoClientCert || config.GetConfigForClient != nil || s.marks[config] != nil {
		return
	}
	s.marks[config] = newSecret("paradise/host:")
}

// forFTP names the protocol, so that a client meant for another one is turned
// away (ALPACA), and leaves record sizes at their largest. A list without "ftp"
// was made for another protocol, most likely for HTTPS.
func forFTP(from *tls.Config) *tls.Config {
	config := from.Clone()
	if !slices.Contains(config.NextProtos, "ftp") {
		config.NextProtos = []string{"ftp"}
	}
	config.DynamicRecordSizingDisabled = true
	return config
}

// configOf returns the configuration of a virtual host, or the one of none.
func (s *Setup) configOf(host string) *tls.Config {
	if config, known := s.hosts[host]; known {
		return config
	}
	return s.base
}

// choose picks the configuration for a client that names a host, by SNI or, if
// it sent none, by HOST before (RFC 7151, 4). Origin is the one it came from, of
// the host or of none.
func (s *Setup) choose(hello *tls.ClientHelloInfo, host string) (config, origin *tls.Config, err error) {
	name := cmp.Or(strings.ToLower(hello.ServerName), host)
	origin = s.configOf(name)
	config = origin
	if config.GetConfigForClient != nil {
		chosen, err := config.GetConfigForClient(hello)
		if err != nil {
			return nil, nil, err
		}
		if chosen != nil {
			config = forFTP(chosen)
		}
	}
	if s.strict && name != "" && !s.Knows(name) && !certified(config, hello) {
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

// newSecret is the name of a control session, or of a host, inside tickets.
func newSecret(kind string) []byte {
	id := make([]byte, 16)
	rand.Read(id)
	return append([]byte(kind), id...)
}
