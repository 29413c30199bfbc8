package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/monitor"
)

// A setting that another one makes void is a mistake, wherever the two were said.
func TestSettingsThatContradictEachOtherAreRefused(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-lost-control-wait 2m", "-lost-control-wait is 2m0s, and each upload in the clear would end that much later: use 1m0s or less"},
		{"-lost-control-wait 61s", "-lost-control-wait is 1m1s"},
		{"-lost-control-wait 2s -allow-lost-control", "-lost-control-wait looks for killed clients, whose uploads -allow-lost-control takes without looking: use one of them"},
		{"-passive-ports 3279-3240", `-passive-ports is "3279-3240": the range is backwards, want min-max: write 3240-3279`},
		{"-passive-ports 2121-2121", "-passive-ports has no port but those of other listeners, 2121-2121: use a range beside them"},
		{"-addr 127.0.0.1:5009 -passive-ports 5009-5010", "-passive-ports has no port but those of other listeners"},
		{"-monitor= -monitor-token 0123456789abcdef", "-monitor-token is set, but -monitor is empty, which turns the monitor off: give -monitor host:port, or leave it out"},
		{"-monitor= -monitor-token-file x", "-monitor-token-file is set, but -monitor is empty"},
		{"-monitor= -monitor-host x", "-monitor-host is set, but -monitor is empty"},
		{"-monitor-token 0123456789abcdef -monitor-token-file x", "-monitor-token and -monitor-token-file exclude each other: give one"},
		{"-acme-cache x", "-acme-cache is set without -acme-domains: give both, or leave it out"},
		{"-acme-http :81", "-acme-http is set without -acme-domains"},
		{"-acme-directory https://x/", "-acme-directory is set without -acme-domains"},
		{"-acme-email a@b.example", "-acme-email is set without -acme-domains"},
		{"-on-upload-max-refusals 3", "-on-upload-max-refusals is set without -on-upload: give both, or leave it out"},
		{"-on-upload-secret-file x", "-on-upload-secret-file is set without -on-upload"},
		{"-auth-secret-file x", "-auth-secret-file is set without -auth-url"},
		{"-restart-grace 2h", "-restart-grace is 2h0m0s, but -drain-timeout ends all after 1h0m0s: use a shorter grace or a longer timeout"},
		{"-restart-grace 1m -drain-timeout 10s", "-restart-grace is 1m0s, but -drain-timeout ends all after 10s"},
		{"-check -print-config", "-check and -print-config exclude each other: give one"},
		{"-user a:b -addr :2121 -monitor 127.0.0.1:2121", "-addr is :2121 and -monitor 127.0.0.1:2121, which is one port twice: give each a port of its own"},
		{"-user a:b -addr 0.0.0.0:5010", "-addr is 0.0.0.0:5010 and -monitor 127.0.0.1:5010, which is one port twice"},
		{"-user a:b -addr [::]:5010", "which is one port twice"},
		{"-user a:b -addr :ftp -monitor 127.0.0.1:21", "which is one port twice"},
	} {
		t.Run(c.args, func(t *testing.T) {
			args := strings.Fields(c.args)
			_, err := parseFlags(args, io.Discard)
			require.ErrorContains(t, err, c.want)
			assert.Regexp(t, saysWhatToDo, err.Error())
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

// What only looks like it is taken.
func TestSettingsThatAgreeAreTaken(t *testing.T) {
	for _, args := range []string{
		"-lost-control-wait 1m", "-lost-control-wait 0s -allow-lost-control", "-passive-ports 2121-2122", "-passive-ports 50000-50000",
		"-monitor=", "-acme-cache ./paradise-acme", "-acme-http :80", "-on-upload-max-refusals 8", "-drain-timeout 5s", "-restart-grace 1h",
		"-addr 127.0.0.1:0 -monitor 127.0.0.1:0", "-addr 127.0.0.2:5010", "-addr [::1]:5010", "-user a:b -addr :5011",
	} {
		_, err := parseFlags(strings.Fields(args), io.Discard)
		require.NoError(t, err, args)
	}
	const account = "[accounts.alice]\npassword = \"" + bcryptOfSecret + "\"\n"
	_, err := inFile(t, "allow-lost-control = true\nlost-control-wait = \"2s\"\n"+account+"allow-lost-control = false\n")
	require.NoError(t, err, "the wait is for alice")
}

func TestAnAccountThatContradictsItselfIsRefused(t *testing.T) {
	const account = "[accounts.alice]\npassword = \"" + bcryptOfSecret + "\"\n"
	htpasswd := filepath.Join(t.TempDir(), "htpasswd")
	require.NoError(t, os.WriteFile(htpasswd, []byte("alice:"+bcryptOfSecret+"\n"), 0o600))
	for _, c := range []struct{ text, args, want string }{
		{account, "", ""},
		{account + "tls = \"required\"\n", "", `account "alice": tls = "required" needs a certificate, without which nobody could log in: give -tls-cert and -tls-key`},
		{account + "tls = \"login\"\n", "", `account "alice": tls = "login" needs a certificate`},
		{account + "tls = \"optional\"\n", "", ""},
		{account + "lost-control-wait = \"90s\"\n", "", "line 3: accounts.alice.lost-control-wait: is 1m30s, and each upload in the clear would end that much later: use 1m0s or less"},
		{account + "lost-control-wait = \"2s\"\nallow-lost-control = true\n", "", `account "alice": lost-control-wait looks for killed clients`},
		{account + "lost-control-wait = \"0s\"\nallow-lost-control = true\n", "", ""},
		{account + "deny = [\"read-only\", \"upload-only\"]\n", "", `account "alice": deny leaves nothing: upload-only takes reading and read-only uploading: use one of them`},
		{account + "deny = [\"read-only\"]\n", "", ""},
		{account + "deny = [\"upload-only\", \"mkdir\"]\n", "", ""},
		{account + "allow-types = [\"image/png\", \"text/*\"]\ndeny-types = [\"text/*\"]\n", "", `account "alice": allow-types and deny-types both have "text/*": use it in one of them`},
		{account + "names = [\"*.jpg\"]\ndeny-names = [\"*.jpg\"]\n", "", `account "alice": names and deny-names both have "*.jpg"`},
		{account, "-user alice:x", `account "alice" is named by -user and by [accounts], with a password each: use one of them`},
		{account, "-htpasswd " + htpasswd, `account "alice" is named by -htpasswd and by [accounts]`},
		{"durable = false\n", "-user alice:x -htpasswd " + htpasswd, `account "alice" is named by -user and by -htpasswd`},
		{account, "-user bob:x", ""},
	} {
		t.Run(c.text+c.args, func(t *testing.T) {
			cfg, err := inFile(t, c.text, append(strings.Fields(c.args), "-check", "-root", t.TempDir())...)
			if err == nil {
				err = cfg.try(io.Discard)
			}
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			assert.Regexp(t, saysWhatToDo, err.Error())
		})
	}
}

func TestATraceOfNobodyIsWarnedOf(t *testing.T) {
	cfg, err := parseFlags([]string{"-user", "a:b", "-trace-user", "a", "-trace-user", "b", "-root", t.TempDir()}, io.Discard)
	require.NoError(t, err)
	d, err := newDirectory(cfg, newHomes(cfg), paradise.Policy{})
	require.NoError(t, err)
	assert.Equal(t, []string{`-trace-user: there is no account "b": use the name of one, or leave it out`}, d.warnings(cfg))
}

// Whoever reads what healthcheck says knows what is so.
func TestHealthcheckSaysWhatIsSo(t *testing.T) {
	srv := &paradise.Server{Auth: paradise.Accounts{"a": "b"}}
	var folder error
	page, err := monitor.New(srv, monitor.Options{Ready: func() error { return folder }})
	require.NoError(t, err)
	defer page.Close()
	said := func(h http.Handler, args ...string) string {
		hs := httptest.NewServer(h)
		defer hs.Close()
		var out strings.Builder
		addr := hs.Listener.Addr().String()
		args = append([]string{"-monitor", addr}, args...)
		if err := healthcheck(args, &out); err != nil {
			require.Empty(t, out.String())
			assert.NotContains(t, err.Error(), "\n")
			return strings.ReplaceAll(err.Error(), addr, "HOST:PORT")
		}
		return strings.TrimSpace(out.String())
	}
	other := func(code int, text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); io.WriteString(w, text) })
	}
	assert.Equal(t, "the server lives", said(page))
	assert.Equal(t, "the server takes new clients", said(page, "-ready"))
	assert.Equal(t, "the server drains: it takes no new clients, and ends when those that it has are done (http://HOST:PORT/readyz)", said(other(503, "draining\n"), "-ready"))
	assert.Equal(t, "the server lives, but a folder that it serves is gone or closed to it: its log says which (http://HOST:PORT/readyz)", said(other(503, "not ready\n"), "-ready"))
	assert.Equal(t, "HOST:PORT is no monitor of this server: it said 200 OK: <html> (http://HOST:PORT/readyz); use the host:port of the server's own -monitor", said(other(200, "<html>"), "-ready"))
	assert.Contains(t, said(other(404, "")), "is no monitor of this server: it said 404 Not Found: nothing")
	assert.Contains(t, said(other(403, "This host name is not served here")), "the server lives, but does not answer by the name 127.0.0.1: give it -monitor-host 127.0.0.1")

	folder = io.EOF
	fresh, err := monitor.New(srv, monitor.Options{Ready: func() error { return folder }})
	require.NoError(t, err)
	defer fresh.Close()
	assert.Contains(t, said(fresh, "-ready"), "a folder that it serves is gone")
	require.NoError(t, srv.Shutdown(context.Background()))
	drained, err := monitor.New(srv, monitor.Options{})
	require.NoError(t, err)
	defer drained.Close()
	assert.Contains(t, said(drained, "-ready"), "the server drains")
	assert.Equal(t, "the server lives", said(drained))
}

func TestHealthcheckSaysWhyNobodyAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { // what an FTP server says to a question of HTTP
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "220 paradise\r\n")
			c.Close()
		}
	}()
	addr := l.Addr().String()
	err = healthcheck([]string{"-monitor", addr, "-ready"}, io.Discard)
	require.ErrorContains(t, err, addr+" does not answer as a monitor: use the host:port of the server's own -monitor")
	require.NoError(t, l.Close())
	err = healthcheck([]string{"-monitor", addr, "-ready"}, io.Discard)
	require.EqualError(t, err, "nothing listens on "+addr+": the server is down, or its -monitor is off or another host:port: use that one (http://"+addr+"/readyz)")
	err = healthcheck([]string{"-monitor", "no.such.host.invalid:5010"}, io.Discard)
	require.ErrorContains(t, err, "no.such.host.invalid")
	for _, command := range []func([]string, io.Writer) error{healthcheck, func(args []string, errs io.Writer) error { return who(args, io.Discard, errs) }} {
		err = command([]string{"-monitor-token", "x", "-monitor-token-file", "y"}, io.Discard)
		require.EqualError(t, err, "-monitor-token and -monitor-token-file exclude each other: give one")
		err = command([]string{"-monitor-token-file", filepath.Join(t.TempDir(), "none")}, io.Discard)
		require.ErrorContains(t, err, "which does not exist")
	}
}
