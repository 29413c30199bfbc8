package paradise_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// teeConn remembers what was written first.
type teeConn struct {
	net.Conn
	first string
}

func (c *teeConn) Write(p []byte) (int, error) {
	if c.first == "" {
		c.first = string(p)
	}
	return c.Conn.Write(p)
}

func itoa(n int) string { return strconv.Itoa(n) }

// retr runs RETR of /f with or without TLS; want is 226, or the refusal before
// a data connection is awaited.
func (c *ftps) retr(want int, private bool) {
	c.t.Helper()
	switch {
	case want != 226:
		c.cmd(229, "EPSV")
		c.cmd(want, "RETR /f")
	case private:
		c.fetch(226, "RETR /f", "content")
	default:
		d := c.beginClear("RETR /f")
		defer d.Close()
		got, err := io.ReadAll(d)
		require.NoError(c.t, err)
		require.Equal(c.t, "content", string(got))
		c.expect(226)
	}
}

var tlsRules = map[string]paradise.TLSRule{
	"default": paradise.TLSDefault, "optional": paradise.TLSOptional, "login": paradise.TLSLogin, "required": paradise.TLSRequired,
}

func TestWhatEachTLSRuleRefuses(t *testing.T) {
	codes := map[string]struct {
		user, pass      int // in clear
		clear, explicit int // RETR before any PROT: in clear, after AUTH TLS
		protC, retrC    int // PROT C, and RETR after it
	}{
		"optional": {331, 230, 226, 226, 200, 226},
		"login":    {530, 530, 530, 226, 200, 226},
		"required": {530, 530, 530, 521, 534, 226}, // PROT P holds
		"default":  {530, 530, 530, 521, 534, 226},
	}
	for name, rule := range tlsRules {
		t.Run(name, func(t *testing.T) {
			want := codes[name]
			overTLS(t, func(srv *paradise.Server) { srv.Policy.TLS = rule }, func(w *world) {
				w.serveImplicit()
				w.files.Put("/f", []byte("content"))

				c := w.ftps()
				c.expect(220)
				c.cmd(want.user, "USER auser")
				c.cmd(want.pass, "PASS secret")
				if want.clear == 226 {
					c.retr(226, false)
				} else {
					c.cmd(want.clear, "EPSV")
					c.cmd(want.clear, "RETR /f")
				}
				c.cmd(503, "PROT C")
				c.quit()

				c = w.ftps().greeted().login()
				c.retr(want.explicit, false)
				c.private().retr(226, true)
				c.cmd(want.protC, "PROT C")
				c.retr(want.retrC, want.protC == 534)
				c.quit()

				c = w.implicit().login()
				c.retr(226, true)
				c.cmd(200, "PBSZ 0")
				c.cmd(want.protC, "PROT C")
				c.retr(want.retrC, want.protC == 534)
				c.quit()
			})
		})
	}
}

func TestWithoutACertificateTheDefaultIsClear(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		w.files.Put("/f", []byte("content"))
		c := w.ftps()
		c.expect(220)
		c.cmd(502, "AUTH TLS")
		c.cmd(503, "PBSZ 0")
		c.cmd(503, "PROT P")
		c.login().retr(226, false)
		c.quit()
	})
}

// userRule gives every user a rule of his own.
func userRule(rule paradise.TLSRule) paradise.AuthDriver {
	return paradise.AuthFunc(func(_ context.Context, s *paradise.Session, _ paradise.Credentials) (*paradise.User, error) {
		policy := s.Policy
		policy.TLS = rule
		return &paradise.User{Policy: &policy}, nil
	})
}

func TestWhatAUsersOwnTLSRuleRefuses(t *testing.T) {
	cases := map[string]struct {
		server, user    paradise.TLSRule
		cUser, cPass    int // in clear
		retr, prot      int // after AUTH TLS: RETR before any PROT, PROT C once logged in
		protCBeforehand int // PROT C before login
	}{
		"optional, login":    {paradise.TLSOptional, paradise.TLSLogin, 331, 530, 226, 200, 200},
		"optional, required": {paradise.TLSOptional, paradise.TLSRequired, 331, 530, 521, 534, 200},
		"optional, default":  {paradise.TLSOptional, paradise.TLSDefault, 331, 530, 521, 534, 200},
		"login, required":    {paradise.TLSLogin, paradise.TLSRequired, 530, 530, 521, 534, 200},
		"required, login":    {paradise.TLSRequired, paradise.TLSLogin, 530, 530, 226, 200, 534},
		"required, optional": {paradise.TLSRequired, paradise.TLSOptional, 530, 530, 226, 200, 534},
	}
	for name, k := range cases {
		t.Run(name, func(t *testing.T) {
			overTLS(t, func(srv *paradise.Server) { srv.Policy.TLS, srv.Auth = k.server, userRule(k.user) }, func(w *world) {
				w.files.Put("/f", []byte("content"))
				c := w.ftps()
				c.expect(220)
				c.cmd(k.cUser, "USER auser")
				c.cmd(k.cPass, "PASS secret")
				c.cmd(530, "PWD")
				c.quit()

				c = w.ftps().greeted()
				c.cmd(200, "PBSZ 0")
				c.cmd(k.protCBeforehand, "PROT C")
				c.login()
				c.retr(k.retr, false)
				c.cmd(k.prot, "PROT C")
				c.cmd(200, "PROT P")
				c.retr(226, true)
				c.quit()
			})
		})
	}
}

// RFC 2228, 3 and RFC 4217, 4, 8 and 9.
func TestSequenceOfAuthPBSZAndPROT(t *testing.T) {
	overTLS(t, func(srv *paradise.Server) { srv.Policy.TLS = paradise.TLSOptional }, func(w *world) {
		c := w.ftps()
		c.expect(220)
		c.cmd(501, "AUTH")
		c.cmd(504, "AUTH GSSAPI")
		c.cmd(503, "PBSZ 0")
		c.cmd(503, "PROT C")
		c.cmd(503, "PROT P")
		c.cmd(503, "CCC")
		for _, verb := range []string{"ADAT x", "MIC x", "CONF x", "ENC x"} {
			c.cmd(502, "%s", verb)
		}
		c.cmd(234, "auth tls")
		require.NoError(t, c.handshake())
		c.cmd(503, "PROT P")
		for _, bad := range []string{"PBSZ", "PBSZ x", "PBSZ -1", "PBSZ +1", "PBSZ 4294967296"} {
			c.cmd(501, "%s", bad)
		}
		c.cmd(503, "PROT P")
		require.Equal(t, "200 PBSZ=0", c.cmd(200, "PBSZ 4294967295"))
		c.cmd(200, "PBSZ 0")
		c.cmd(501, "PROT")
		c.cmd(504, "PROT X")
		c.cmd(536, "PROT S")
		c.cmd(536, "PROT E")
		c.cmd(200, "PROT C")
		c.cmd(200, "prot p")
		c.cmd(533, "CCC")
		c.cmd(503, "AUTH TLS")
		c.login().store(226, "f", "data")
		c.quit()
	})
}

func TestMechanismsOfAuth(t *testing.T) {
	for mechanism, private := range map[string]bool{"TLS": false, "TLS-C": false, "SSL": true, "TLS-P": true} {
		t.Run(mechanism, func(t *testing.T) {
			overTLS(t, func(srv *paradise.Server) { srv.Policy.TLS = paradise.TLSLogin }, func(w *world) {
				w.files.Put("/f", []byte("content"))
				c := w.ftps()
				c.expect(220)
				c.cmd(234, "AUTH %s", mechanism)
				require.NoError(t, c.handshake())
				c.login().retr(226, private)
				c.quit()
			})
		})
	}
}

// certificateLogin lets in whom a verified certificate names.
func certificateLogin(password bool) paradise.AuthDriver {
	return paradise.AuthFunc(func(_ context.Context, s *paradise.Session, c paradise.Credentials) (*paradise.User, error) {
		verified := s.TLS != nil && len(s.TLS.VerifiedChains) > 0 && s.TLS.PeerCertificates[0].Subject.CommonName == c.User
		switch {
		case !c.HasPassword && verified && !password:
			return &paradise.User{}, nil
		case !c.HasPassword:
			return nil, paradise.ErrNeedPassword
		case c.Password == "secret" && (verified || !password):
			return &paradise.User{}, nil
		}
		return nil, paradise.ErrBadCredentials
	})
}

func asking(issuer *issuer, kind tls.ClientAuthType, auth paradise.AuthDriver) func(*paradise.Server) {
	return func(srv *paradise.Server) {
		srv.TLSConfig.ClientAuth, srv.TLSConfig.ClientCAs = kind, issuer.pool()
		srv.Auth = auth
	}
}

func TestAVerifiedCertificateMayLogIn(t *testing.T) {
	issuer := newIssuer(t, "our clients")
	cert := issuer.issue(t, "auser")
	for name, kind := range map[string]tls.ClientAuthType{"offered": tls.VerifyClientCertIfGiven, "required": tls.RequireAndVerifyClientCert} {
		for version, number := range versions {
			t.Run(name+"/"+version, func(t *testing.T) {
				overTLS(t, asking(issuer, kind, certificateLogin(false)), func(w *world) {
					c := w.ftps()
					c.config.MinVersion, c.config.MaxVersion = number, number
					c.config.Certificates = []tls.Certificate{cert}
					c.greeted()
					c.cmd(331, "USER another")
					c.cmd(232, "USER auser")
					c.private().store(226, "f", "data")
					c.quit()
				})
				overTLS(t, asking(issuer, kind, certificateLogin(true)), func(w *world) {
					c := w.ftps()
					c.config.MinVersion, c.config.MaxVersion = number, number
					c.config.Certificates = []tls.Certificate{cert}
					c.greeted()
					c.cmd(331, "USER auser")
					c.cmd(530, "PWD")
					c.cmd(230, "PASS secret")
					c.quit()
				})
			})
		}
	}
}

func TestWithoutACertificate(t *testing.T) {
	issuer := newIssuer(t, "our clients")
	overTLS(t, asking(issuer, tls.VerifyClientCertIfGiven, certificateLogin(false)), func(w *world) {
		c := w.ftps().greeted()
		c.login()
		c.quit()
	})
	overTLS(t, asking(issuer, tls.RequireAndVerifyClientCert, certificateLogin(false)), func(w *world) {
		require.ErrorContains(t, refusedHandshake(w.ftps()), "certificate required")
	})
}

func TestACertificateOfStrangersIsRefused(t *testing.T) {
	issuer, strangers := newIssuer(t, "our clients"), newIssuer(t, "strangers")
	for _, kind := range []tls.ClientAuthType{tls.VerifyClientCertIfGiven, tls.RequireAndVerifyClientCert} {
		overTLS(t, asking(issuer, kind, certificateLogin(false)), func(w *world) {
			c := w.ftps()
			cert := strangers.issue(t, "auser")
			c.config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
			require.ErrorContains(t, refusedHandshake(c), "unknown certificate authority")
			require.Zero(t, w.srv.Stats().Logins.Done)
		})
	}
	// One that is only asked for is seen and proves nothing.
	careless := paradise.AuthFunc(func(context.Context, *paradise.Session, paradise.Credentials) (*paradise.User, error) {
		return &paradise.User{}, nil
	})
	overTLS(t, asking(issuer, tls.RequestClientCert, careless), func(w *world) {
		c := w.ftps()
		cert := strangers.issue(t, "auser")
		c.config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		c.greeted()
		c.cmd(331, "USER auser")
		c.quit()
	})
}

// refusedHandshake is the server's alert: in TLS 1.3 it comes after the client's
// side of the handshake.
func refusedHandshake(c *ftps) error {
	c.expect(220)
	c.cmd(234, "AUTH TLS")
	defer c.raw.Close()
	if err := c.handshake(); err != nil {
		return err
	}
	_, err := c.conn.Read(make([]byte, 1))
	return err
}

// RFC 4217, 15.1.2: else whoever has any certificate of ours could take the data
// connections of all others at his address.
func TestTheDataConnectionShowsTheCertificateOfItsSession(t *testing.T) {
	issuer := newIssuer(t, "our clients")
	own, other := issuer.issue(t, "auser"), issuer.issue(t, "another")
	data := map[string]struct {
		certs  []tls.Certificate
		resume bool
		code   int
	}{
		"resumed":       {[]tls.Certificate{own}, true, 226},
		"the same":      {[]tls.Certificate{own}, false, 226},
		"another":       {[]tls.Certificate{other}, false, 522},
		"none":          {nil, false, 522},
		"none, resumed": {nil, true, 226},
	}
	for name, k := range data {
		for version, number := range versions {
			t.Run(name+"/"+version, func(t *testing.T) {
				overTLS(t, asking(issuer, tls.VerifyClientCertIfGiven, certificateLogin(false)), func(w *world) {
					c := w.ftps()
					c.config.MinVersion, c.config.MaxVersion = number, number
					c.config.Certificates = []tls.Certificate{own}
					c.greeted()
					c.cmd(232, "USER auser")
					c.private()
					c.config.Certificates = k.certs
					if !k.resume {
						c.config.ClientSessionCache = nil
					}
					c.store(k.code, "f", "data")
					if k.code != 226 {
						w.missing("/f")
					}
					c.quit()
				})
			})
		}
	}
}

// What the authority of one virtual host has verified must not count at another.
func TestACertificateCountsOnlyAtTheHostThatVerifiedIt(t *testing.T) {
	tenant, owner := newIssuer(t, "tenant"), newIssuer(t, "owner")
	overTLS(t, func(srv *paradise.Server) {
		asking(owner, tls.VerifyClientCertIfGiven, certificateLogin(false))(srv)
		config := serverTLS()
		config.ClientAuth, config.ClientCAs = tls.VerifyClientCertIfGiven, tenant.pool()
		srv.Hosts = map[string]paradise.Host{"tenant.example": {TLSConfig: config, Auth: paradise.Accounts{"auser": "secret"}}}
	}, func(w *world) {
		byTenant := []tls.Certificate{tenant.issue(t, "auser")}
		for _, sni := range []bool{true, false} {
			c := w.ftps()
			c.config.Certificates = byTenant
			c.config.ServerName = ""
			c.expect(220)
			if sni {
				c.config.ServerName = "tenant.example"
			} else {
				c.cmd(220, "HOST tenant.example")
			}
			c.cmd(234, "AUTH TLS")
			require.NoError(t, c.handshake())
			c.cmd(331, "USER auser") // asked for the password: Accounts
			c.cmd(220, "REIN")
			c.cmd(331, "USER auser") // at the owner's this would be 232
			c.quit()
		}
		c := w.ftps()
		c.config.Certificates = []tls.Certificate{owner.issue(t, "auser")}
		c.config.ServerName = ""
		c.greeted()
		c.cmd(504, "HOST tenant.example")
		c.cmd(232, "USER auser")
		c.quit()
	})
}

func TestTLSConfigurationsThatCannotWorkAreRefusedAtTheStart(t *testing.T) {
	hosted := func(config *tls.Config) func(*paradise.Server) {
		return func(srv *paradise.Server) {
			srv.TLSConfig = serverTLS()
			srv.Hosts = map[string]paradise.Host{"a.example": {TLSConfig: config}}
		}
	}
	wrapping := serverTLS()
	wrapping.WrapSession = func(tls.ConnectionState, *tls.SessionState) ([]byte, error) { return nil, nil }
	ticketless := serverTLS()
	ticketless.SessionTicketsDisabled = true
	required := func(srv *paradise.Server) { srv.Policy.DataTLSReuse = paradise.ReuseRequire }
	cases := map[string]struct {
		change func(*paradise.Server)
		says   string
	}{
		"no certificate":            {func(srv *paradise.Server) { srv.TLSConfig = &tls.Config{} }, "TLSConfig has no certificate"},
		"no certificate of a host":  {hosted(&tls.Config{}), `Hosts["a.example"].TLSConfig has no certificate`},
		"tickets of its own":        {func(srv *paradise.Server) { srv.TLSConfig = wrapping }, "TLSConfig.WrapSession"},
		"a host's tickets":          {hosted(wrapping), `Hosts["a.example"].TLSConfig.WrapSession`},
		"require without tickets":   {func(srv *paradise.Server) { required(srv); srv.TLSConfig = ticketless }, "leaves nothing to resume"},
		"require, a host without":   {func(srv *paradise.Server) { hosted(ticketless)(srv); required(srv) }, "leaves nothing to resume"},
		"require without TLS":       {required, "there is no certificate"},
		"a rule without TLS":        {func(srv *paradise.Server) { srv.Policy.TLS = paradise.TLSLogin }, "there is no certificate"},
		"StrictSNI without TLS":     {func(srv *paradise.Server) { srv.StrictSNI = true }, "there is no certificate"},
		"a host's TLS, none of all": {func(srv *paradise.Server) { hosted(serverTLS())(srv); srv.TLSConfig = nil }, "set Server.TLSConfig too"},
	}
	for name, k := range cases {
		t.Run(name, func(t *testing.T) {
			srv := &paradise.Server{}
			k.change(srv)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			require.ErrorContains(t, srv.Serve(l), k.says)
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorContains(t, (&paradise.Server{}).ServeTLS(l), "needs a certificate")
}
