package main

import (
	"cmp"
	"crypto/tls"
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// acmeConfig says how to get certificates from a certificate authority.
type acmeConfig struct {
	domains   string
	cache     string
	email     string
	http      string
	directory string
}

func (a *acmeConfig) flags(fs *flag.FlagSet) {
	fs.StringVar(&a.domains, "acme-domains", "",
		"comma-separated `names` to get certificates for by ACME; agrees to the authority's terms")
	fs.StringVar(&a.cache, "acme-cache", "./paradise-acme", "`folder` for account key and certificates")
	fs.StringVar(&a.email, "acme-email", "", "`address` that the authority may write to")
	addrVar(fs, &a.http, "acme-http", ":80",
		"`host:port` where the authority's HTTP challenge is answered; it asks at port 80")
	fs.StringVar(&a.directory, "acme-directory", "", "`URL` of the authority; Let's Encrypt if empty")
}

func (a *acmeConfig) check(cert string) error {
	switch {
	case a.domains == "":
		return nil
	case cert != "":
		return errors.New("-acme-domains and -tls-cert exclude each other: give one")
	case a.cache == "" || a.http == "":
		return errors.New("-acme-domains needs -acme-cache and -acme-http")
	}
	return nil
}

// manager returns a manager that gets the certificate for a name at its first handshake,
// and renews it.
func (a *acmeConfig) manager() *autocert.Manager {
	m := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(a.cache),
		HostPolicy: autocert.HostWhitelist(splitList(a.domains)...),
		Email:      a.email,
	}
	if a.directory != "" {
		m.Client = &acme.Client{DirectoryURL: a.directory}
	}
	return m
}

// certificateFor assumes the first name if a client names no host, because old FTP clients
// send no SNI.
func (a *acmeConfig) certificateFor(m *autocert.Manager) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	first := splitList(a.domains)[0]
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		named := *hello
		named.ServerName = cmp.Or(hello.ServerName, first)
		return m.GetCertificate(&named)
	}
}

// serveChallenges answers the authority's challenges and refuses everything else.
func serveChallenges(m *autocert.Manager, l net.Listener, log *slog.Logger) *web {
	hs := &http.Server{
		Handler:           withoutPort(m.HTTPHandler(http.NotFoundHandler())),
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      10 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	return startWeb(hs, l, log)
}

// withoutPort removes the port from the Host header, which the manager compares with its
// names. A private authority may use another port than 80.
func withoutPort(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, err := net.SplitHostPort(r.Host); err == nil {
			r.Host = host
		}
		next.ServeHTTP(w, r)
	})
}
