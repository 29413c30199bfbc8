package paradise_test

import (
	"context"
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// inClear lets clients log in without TLS, so that an injected login would work.
func inClear(srv *paradise.Server) { srv.Policy.TLS = paradise.TLSOptional }

// clientHello is a real one.
func clientHello(t *testing.T) string {
	t.Helper()
	var hello string
	overTLS(t, nil, func(w *world) {
		c := w.ftps()
		c.expect(220)
		c.cmd(234, "AUTH TLS")
		tee := &teeConn{Conn: c.raw}
		require.NoError(t, tls.Client(tee, c.config).Handshake())
		// Random bytes may be a Telnet command, which is answered before the 503.
		hello = strings.ReplaceAll(tee.first, "\xff", "\xfe")
		c.raw.Close()
	})
	return hello
}

func TestCommandsBehindAuthEndTheSession(t *testing.T) {
	hello := clientHello(t)
	segments := map[string][]string{
		"USER and PASS":              {"AUTH TLS\r\nUSER auser\r\nPASS secret\r\n"},
		"half a command":             {"AUTH TLS\r\nUS"},
		"cut inside the next":        {"AUTH TLS\r\nUSER au", "ser\r\nPASS secret\r\n"},
		"cut inside AUTH":            {"AUTH T", "LS\r\nUSER auser\r\nPASS secret\r\n"},
		"cut inside CRLF":            {"AUTH TLS\r", "\nUSER auser\r\nPASS secret\r\n"},
		"bare LF":                    {"AUTH TLS\nUSER auser\nPASS secret\n"},
		"an empty line":              {"AUTH TLS\r\n\r\n"},
		"one byte":                   {"AUTH TLS\r\nx"},
		"an open Telnet command":     {"AUTH TLS\r\n\xff"},
		"a ClientHello":              {"AUTH TLS\r\n" + hello},
		"a command before":           {"NOOP\r\nAUTH TLS\r\nUSER auser\r\nPASS secret\r\n"},
		"AUTH SSL":                   {"AUTH SSL\r\nUSER auser\r\nPASS secret\r\n"},
		"AUTH twice":                 {"AUTH TLS\r\nAUTH TLS\r\n"},
		"a line longer than allowed": {"AUTH TLS\r\n" + string(make([]byte, 5000))},
	}
	for name, parts := range segments {
		t.Run(name, func(t *testing.T) {
			overTLS(t, inClear, func(w *world) {
				c := w.ftps()
				c.expect(220)
				for _, part := range parts {
					io.WriteString(c.conn, part) // the session may have ended
					synctest.Wait()
				}
				if name == "a command before" {
					c.expect(200)
				}
				require.Contains(t, c.expect(503), "closing control connection")
				require.Empty(t, c.closed())
				s := w.srv.Stats()
				require.Zero(t, s.Logins.Done)
				require.Zero(t, s.Handshakes.Done)
				require.EqualValues(t, 1, s.Refused["tls_injection"])
			})
		})
	}
}

func TestBytesInClearBehindThe234AreNoCommands(t *testing.T) {
	overTLS(t, inClear, func(w *world) {
		for _, text := range []string{"USER auser\r\nPASS secret\r\n", "\r\n", "QUIT\r\n", "\x16\x03\x01\x40\x01"} {
			c := w.ftps()
			c.expect(220)
			c.cmd(234, "AUTH TLS")
			c.write(text)
			require.NotRegexp(t, `\d{3} `, c.closed(), "a reply in clear to %q", text)
		}
		require.Zero(t, w.srv.Stats().Logins.Done)
		require.EqualValues(t, 4, w.srv.Stats().Handshakes.Failed)
	})
}

// A man in the middle may also have the first word before the client's own AUTH.
func TestAuthForgetsWhatWasSaidInClear(t *testing.T) {
	cases := map[string]struct {
		before func(c *ftps)
		after  func(c *ftps)
	}{
		"USER": {
			func(c *ftps) { c.cmd(331, "USER auser") },
			func(c *ftps) { c.cmd(503, "PASS secret") },
		},
		"the login": {
			func(c *ftps) { c.login() },
			func(c *ftps) { c.cmd(530, "PWD"); c.cmd(530, "STOR f"); c.cmd(503, "PASS secret") },
		},
		"CWD": {
			func(c *ftps) { c.login(); c.cmd(250, "CWD /dir") },
			func(c *ftps) { require.Contains(c.t, c.login().cmd(257, "PWD"), `"/"`) },
		},
		"TYPE": {
			func(c *ftps) { c.login(); c.cmd(200, "TYPE A"); c.cmd(550, "SIZE /f") },
			func(c *ftps) { c.login().cmd(213, "SIZE /f") },
		},
		"MODE": {
			func(c *ftps) { c.login(); c.cmd(200, "MODE Z") },
			func(c *ftps) { c.login().private().fetch(226, "RETR /f", "content") },
		},
		"REST": {
			func(c *ftps) { c.login(); c.cmd(350, "REST 3") },
			func(c *ftps) { c.login().private().fetch(226, "RETR /f", "content") },
		},
		"RNFR": {
			func(c *ftps) { c.login(); c.cmd(350, "RNFR /f") },
			func(c *ftps) { c.login().cmd(503, "RNTO /g") },
		},
		"EPSV": {
			func(c *ftps) { c.login(); c.epsv() },
			func(c *ftps) { c.login().private().cmd(425, "RETR /f") },
		},
		"PORT": {
			func(c *ftps) { c.login(); c.cmd(200, "PORT 198,51,100,7,200,1") },
			func(c *ftps) { c.login().private().cmd(425, "RETR /f") },
		},
		"EPSV ALL": {
			func(c *ftps) { c.login(); c.cmd(200, "EPSV ALL") },
			func(c *ftps) { c.login().cmd(227, "PASV") },
		},
		"PBSZ and PROT": {
			func(c *ftps) { c.cmd(503, "PBSZ 0"); c.cmd(503, "PROT P") },
			func(c *ftps) { c.login().cmd(503, "PROT P"); c.beginClear("RETR /f").Close(); c.expectAny(226, 426) },
		},
	}
	for name, k := range cases {
		t.Run(name, func(t *testing.T) {
			overTLS(t, inClear, func(w *world) {
				w.files.Put("/f", []byte("content"))
				w.files.Put("/dir/g", nil)
				c := w.ftps()
				c.expect(220)
				open := w.net.Open()
				k.before(c)
				c.cmd(234, "AUTH TLS")
				require.NoError(t, c.handshake())
				synctest.Wait()
				require.Equal(t, open, w.net.Open(), "a data channel is left")
				k.after(c)
				c.quit()
			})
		})
	}
}

func (c *ftps) expectAny(codes ...int) {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	require.NoError(c.t, err)
	for _, code := range codes {
		if line[:3] == itoa(code) {
			return
		}
	}
	require.Fail(c.t, line)
}

func TestAuthGivesUpThePlaceOfTheUserLoggedInBefore(t *testing.T) {
	overTLS(t, func(srv *paradise.Server) { inClear(srv); srv.Policy.MaxSessions = 1 }, func(w *world) {
		c := w.ftps()
		c.expect(220)
		c.login()
		c.cmd(234, "AUTH TLS")
		require.NoError(t, c.handshake())
		c.login()
		c.quit()
	})
}

func TestAuthTwiceIsRefused(t *testing.T) {
	overTLS(t, nil, func(w *world) {
		w.serveImplicit()
		explicit := w.ftps().greeted()
		for _, c := range []*ftps{explicit, w.implicit()} {
			c.cmd(503, "AUTH TLS")
			c.cmd(503, "AUTH SSL")
			c.login().private()
			c.cmd(503, "AUTH TLS")
			c.store(226, "f", "data")
			c.quit()
		}
	})
}

func TestAuthDuringATransferIsRefused(t *testing.T) {
	overTLS(t, inClear, func(w *world) {
		c := w.ftps()
		c.expect(220)
		c.login()
		d := c.beginClear("STOR f")
		c.send("AUTH TLS")
		io.WriteString(d, "whole")
		d.Close()
		c.expect(226)
		c.expect(503)
		c.cmd(257, "PWD")
		require.Equal(t, "whole", w.content("/f"))
		// Between transfers it is welcome.
		c.cmd(234, "AUTH TLS")
		require.NoError(t, c.handshake())
		c.quit()
	})
}

func TestReinKeepsTLSAndForgetsTheRest(t *testing.T) {
	var logins []*paradise.Session
	overTLS(t, func(srv *paradise.Server) {
		inClear(srv)
		srv.Hooks.Login = func(_ context.Context, e paradise.LoginEvent) { logins = append(logins, e.Session) }
	}, func(w *world) {
		w.serveImplicit()
		w.files.Put("/f", []byte("content"))
		explicit := w.ftps().ready()
		ssl := w.ftps()
		ssl.expect(220)
		ssl.cmd(234, "AUTH SSL")
		require.NoError(t, ssl.handshake())
		ssl.login()
		clients := map[string]struct {
			c       *ftps
			private bool // without PBSZ and PROT
		}{
			"AUTH TLS": {explicit, false},
			"AUTH SSL": {ssl, true},
			"implicit": {w.implicit().login(), true},
		}
		for name, k := range clients {
			k.c.cmd(220, "REIN")
			k.c.cmd(530, "PWD")
			k.c.cmd(503, "PROT C")
			k.c.login()
			require.NotNil(t, logins[len(logins)-1].TLS, name)
			if k.private {
				k.c.fetch(226, "RETR f", "content")
			} else {
				d := k.c.beginClear("RETR f")
				got, err := io.ReadAll(d)
				require.NoError(t, err)
				require.Equal(t, "content", string(got))
				d.Close()
				k.c.expect(226)
			}
			k.c.private().fetch(226, "RETR f", "content")
			k.c.quit()
		}
	})
}
