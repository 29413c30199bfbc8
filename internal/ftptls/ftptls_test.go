package ftptls_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/ftptls"
	"github.com/paradiseftp/paradise/internal/memnet"
)

// certificate returns a new one for a host.
func certificate(t *testing.T, host string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func serves(cert tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

// client is an FTP client's configuration, with a cache of tickets.
func client(name string) *tls.Config {
	return &tls.Config{
		ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"ftp"},
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
}

// shake runs both handshakes and one byte each way, which brings the tickets.
func shake(t *testing.T, config *tls.Config, server func(net.Conn) *tls.Conn) (s, c *tls.Conn, err error) {
	t.Helper()
	ours, theirs := memnet.Pair(t)
	s, c = server(ours), tls.Client(theirs, config)
	done := make(chan error, 1)
	go func() {
		_, err := s.Read(make([]byte, 1))
		if err == nil {
			_, err = s.Write([]byte("x"))
		}
		if err != nil {
			ours.Close()
		}
		done <- err
	}()
	_, err = c.Write([]byte("x"))
	if err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	if err != nil {
		theirs.Close()
	}
	return s, c, errors.Join(<-done, err)
}

// session is a control connection after its handshake.
func session(t *testing.T, setup *ftptls.Setup, host string, config *tls.Config) (*ftptls.Control, *tls.Conn, error) {
	t.Helper()
	var control *ftptls.Control
	_, c, err := shake(t, config, func(nc net.Conn) *tls.Conn {
		control = setup.Control(nc)
		return control.Server(host)
	})
	return control, c, err
}

func TestTheConfigurationIsTheOneOfTheHostThatWasNamed(t *testing.T) {
	own := certificate(t, "own.example")
	base := certificate(t, "base.example")
	hosts := map[string]*tls.Config{"own.example": serves(own), "shares.example": nil}
	for _, c := range []struct {
		host, sni string
		strict    bool
		want      string // "": the handshake fails
	}{
		{"", "", false, "base.example"},
		{"", "own.example", false, "own.example"},
		{"", "OWN.example", false, "own.example"},
		{"own.example", "", false, "own.example"},
		{"own.example", "own.example", false, "own.example"},
		{"own.example", "base.example", false, ""},
		{"", "shares.example", false, "base.example"},
		{"", "unknown.example", false, "base.example"},
		{"", "unknown.example", true, ""},
		{"", "base.example", true, "base.example"}, // on the certificate
		{"", "shares.example", true, "base.example"},
		{"", "", true, "base.example"},
	} {
		setup := ftptls.New(ftptls.Options{Config: serves(base), Hosts: hosts, StrictSNI: c.strict})
		control, conn, err := session(t, setup, c.host, client(c.sni))
		if c.want == "" {
			assert.Error(t, err, "%+v", c)
			continue
		}
		require.NoError(t, err, "%+v", c)
		assert.Equal(t, c.want, conn.ConnectionState().PeerCertificates[0].Subject.CommonName, "%+v", c)
		assert.Equal(t, c.want == "own.example", control.MetAs("own.example"), "%+v", c)
		assert.Equal(t, c.want == "base.example", control.MetAs("shares.example"), "%+v", c)
	}
	setup := ftptls.New(ftptls.Options{Config: serves(base), Hosts: hosts})
	for host, want := range map[string][2]bool{"own.example": {true, true}, "shares.example": {true, false}, "x": {false, false}} {
		assert.Equal(t, want, [2]bool{setup.Knows(host), setup.Differs(host)}, host)
	}
}

func TestAClientOfAnotherProtocolIsTurnedAway(t *testing.T) {
	config := serves(certificate(t, "ftp.example"))
	config.NextProtos = []string{"h2"} // made for HTTPS
	setup := ftptls.New(ftptls.Options{Config: config})
	for proto, ok := range map[string]bool{"ftp": true, "h2": false, "http/1.1": false} {
		c := client("ftp.example")
		c.NextProtos = []string{proto}
		_, _, err := session(t, setup, "", c)
		assert.Equal(t, ok, err == nil, "%s: %v", proto, err)
	}
	assert.Equal(t, []string{"h2"}, config.NextProtos, "the host program's is untouched")
}

func TestADataConnectionProvesWhoseItIs(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			setup := ftptls.New(ftptls.Options{Config: serves(certificate(t, "ftp.example"))})
			mine, other := client("ftp.example"), client("ftp.example")
			mine.MaxVersion, other.MaxVersion = version, version
			control, _, err := session(t, setup, "", mine)
			require.NoError(t, err)
			_, _, err = session(t, setup, "", other)
			require.NoError(t, err)
			verify := func(c *tls.Config, o ftptls.DataOptions) error {
				data := control.Data(o)
				s, _, err := shake(t, c, data.Server)
				require.NoError(t, err)
				return data.Verify(s.ConnectionState())
			}
			need := ftptls.DataOptions{Require: true}
			require.NoError(t, verify(mine, need))
			require.NoError(t, verify(mine, need), "a data connection's ticket is the session's too")
			require.ErrorIs(t, verify(other, need), ftptls.ErrNotResumed)
			require.ErrorIs(t, verify(other, need), ftptls.ErrNotResumed, "by the ticket that came with the refusal")
			require.NoError(t, verify(other, ftptls.DataOptions{}), "nothing is asked of it")
			require.ErrorIs(t, verify(mine, ftptls.DataOptions{Require: true, NoTickets: true}), ftptls.ErrNotResumed)
		})
	}
}

func TestTicketsAreNeverIssuedWhereThereAreNone(t *testing.T) {
	setup := ftptls.New(ftptls.Options{Config: serves(certificate(t, "ftp.example")), NoTickets: true})
	c := client("ftp.example")
	for range 2 {
		_, conn, err := session(t, setup, "", c)
		require.NoError(t, err)
		require.False(t, conn.ConnectionState().DidResume)
	}
}

func TestAnUploadGetsNoTicketOfTLS13(t *testing.T) {
	setup := ftptls.New(ftptls.Options{Config: serves(certificate(t, "ftp.example"))})
	control, _, err := session(t, setup, "", client("ftp.example"))
	require.NoError(t, err)
	for upload, gets := range map[bool]bool{true: false, false: true} {
		c := client("ftp.example")
		cache := &counting{ClientSessionCache: c.ClientSessionCache}
		c.ClientSessionCache = cache
		_, _, err := shake(t, c, control.Data(ftptls.DataOptions{Upload: upload}).Server)
		require.NoError(t, err)
		require.Equal(t, gets, cache.puts > 0, "upload: %v", upload)
	}
}

type counting struct {
	tls.ClientSessionCache
	puts int
}

func (c *counting) Put(key string, s *tls.ClientSessionState) {
	c.puts++
	c.ClientSessionCache.Put(key, s)
}

func TestADataConnectionShowsTheOwnersCertificate(t *testing.T) {
	config := serves(certificate(t, "ftp.example"))
	config.ClientAuth = tls.RequestClientCert
	setup := ftptls.New(ftptls.Options{Config: config})
	owner, other := certificate(t, "owner"), certificate(t, "other")
	leaf, err := x509.ParseCertificate(owner.Certificate[0])
	require.NoError(t, err)
	for _, c := range []struct {
		name  string
		shows []tls.Certificate
		want  error
	}{
		{"the same", []tls.Certificate{owner}, nil},
		{"another", []tls.Certificate{other}, ftptls.ErrNotOwner},
		{"none", nil, ftptls.ErrNotOwner},
	} {
		control, _, err := session(t, setup, "", client("ftp.example"))
		require.NoError(t, err)
		data := control.Data(ftptls.DataOptions{Owner: leaf})
		config := client("ftp.example")
		config.Certificates = c.shows
		s, _, err := shake(t, config, data.Server)
		require.NoError(t, err)
		assert.Equal(t, c.want, data.Verify(s.ConnectionState()), c.name)
	}
}

// wired is a TLS connection over a Wire, and its client's.
func wired(t *testing.T) (w *ftptls.Wire, s, c *tls.Conn) {
	t.Helper()
	config := serves(certificate(t, "ftp.example"))
	s, c, err := shake(t, client("ftp.example"), func(nc net.Conn) *tls.Conn {
		w = ftptls.NewWire(nc)
		return tls.Server(w, config)
	})
	require.NoError(t, err)
	return w, s, c
}

func TestAWireTellsTheClientsEndFromAnyoneElses(t *testing.T) {
	for name, c := range map[string]struct {
		end   func(c *tls.Conn)
		ended bool
	}{
		"close_notify": {func(c *tls.Conn) { c.CloseWrite() }, false},
		"a bare FIN":   {func(c *tls.Conn) { c.NetConn().(*memnet.Conn).CloseWrite() }, true},
		"a reset":      {func(c *tls.Conn) { c.NetConn().(*memnet.Conn).Reset() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w, s, conn := wired(t)
			require.True(t, w.Heard())
			require.False(t, w.Ended())
			c.end(conn)
			_, err := s.Read(make([]byte, 1))
			require.Error(t, err)
			require.Equal(t, c.ended, w.Ended())
		})
	}
}

func TestAWireIsNotHeardBeforeItsPeerSpeaks(t *testing.T) {
	ours, theirs := memnet.Pair(t)
	w := ftptls.NewWire(ours)
	theirs.Close()
	_, err := w.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	require.False(t, w.Heard())
	require.True(t, w.Ended())
}

// A peer that reads nothing holds no close for longer than is allowed.
func TestAPeerThatReadsNothingHoldsNothing(t *testing.T) {
	const wait = 500 * time.Millisecond
	for name, end := range map[string]func(w *ftptls.Wire, s *tls.Conn) error{
		"CloseWrite": func(w *ftptls.Wire, s *tls.Conn) error { return w.CloseWrite(s, wait) },
		"CloseConn":  func(w *ftptls.Wire, s *tls.Conn) error { return w.CloseConn(s, wait) },
		"a write": func(w *ftptls.Wire, s *tls.Conn) error {
			w.SetStall(wait)
			_, err := s.Write(make([]byte, 1<<20))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s, _ := wired(t)
				w.Conn.SetWriteDeadline(time.Now().Add(time.Second))
				for err := error(nil); err == nil; { // fill what lies between
					_, err = w.Conn.Write(make([]byte, 64<<10))
				}
				w.Conn.SetWriteDeadline(time.Time{})
				began := time.Now()
				require.ErrorIs(t, end(w, s), os.ErrDeadlineExceeded)
				require.InDelta(t, wait.Seconds(), time.Since(began).Seconds(), 0.1)
			})
		})
	}
}
