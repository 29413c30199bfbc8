package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// certFiles is a certificate that is loaded again when its files change.
type certFiles struct {
	cert, key string
	current   atomic.Pointer[loadedCert]
}

type loadedCert struct {
	tls.Certificate
	stamps [2]stamp
}

// stamp distinguishes versions of a file.
type stamp struct {
	time time.Time
	size int64
}

func stampOf(name string) stamp {
	info, err := os.Stat(name)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

func openCert(cert, key string) (*certFiles, error) {
	c := &certFiles{cert: cert, key: key}
	return c, c.load()
}

// load reads the files. If that fails, the old certificate stays.
func (c *certFiles) load() error {
	stamps := c.stamps()
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	if err := tryCert(pair); err != nil {
		return fmt.Errorf("certificate: %s and %s can serve nobody: %w", c.cert, c.key, err)
	}
	c.current.Store(&loadedCert{pair, stamps})
	return nil
}

// tryCert tests a certificate with one handshake. A key that is too short for crypto/tls,
// or that FIPS 140 does not allow, would make all handshakes fail.
func tryCert(cert tls.Certificate) error {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	limit := time.Now().Add(tryTime)
	ours.SetDeadline(limit)
	theirs.SetDeadline(limit)
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		tls.Client(theirs, &tls.Config{InsecureSkipVerify: true}).Handshake()
		theirs.Close()
	}()
	err := tls.Server(ours, &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true}).Handshake()
	ours.Close()
	<-asked
	return err
}

// tryTime bounds the handshake of tryCert. It crosses no network, but the machine may be
// slow.
const tryTime = 10 * time.Second

func (c *certFiles) stamps() [2]stamp { return [2]stamp{stampOf(c.cert), stampOf(c.key)} }

// changed reports whether the files have changed since they were loaded.
func (c *certFiles) changed() bool { return c.stamps() != c.current.Load().stamps }

func (c *certFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return &c.current.Load().Certificate, nil
}

// tlsConfig returns a configuration that calls get for the certificate of each handshake.
func (cfg *config) tlsConfig(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	c := &tls.Config{GetCertificate: get, MinVersion: tls.VersionTLS12}
	if cfg.tlsOld {
		c.MinVersion = tls.VersionTLS10
		c.CipherSuites = oldSuites()
	}
	return c
}

// oldSuites returns the secure cipher suites and those with CBC or RSA key exchange, but
// none with RC4 or triple DES.
func oldSuites() []uint16 {
	var ids []uint16
	for _, s := range tls.CipherSuites() {
		ids = append(ids, s.ID)
	}
	return append(ids,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
		tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
		tls.TLS_RSA_WITH_AES_128_CBC_SHA,
		tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	)
}
