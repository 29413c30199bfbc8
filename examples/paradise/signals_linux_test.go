package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jlaffaye/ftp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/auth/webhook"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func TestSIGTERMLetsTransfersEnd(t *testing.T) {
	p := launch(t)
	idle, busy := p.login(), p.login()
	u := p.upload(busy, "f")
	p.signal(syscall.SIGTERM)
	p.until("idle sessions get 421", func() bool { return idle.NoOp() != nil })
	_, err := net.DialTimeout("tcp", p.addr, patience)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoError(t, u.finish(), "226")
	require.NoError(t, <-p.exited)
	require.NoFileExists(t, p.pidFile)
	stored, err := os.ReadFile(filepath.Join(p.root, "f"))
	require.NoError(t, err)
	require.True(t, bytes.HasSuffix(stored, []byte("end")))
}

func TestASecondSIGTERMStopsAtOnce(t *testing.T) {
	p := launch(t)
	u := p.upload(p.login(), "f")
	pid := p.pid()
	idle := p.login()
	p.signal(syscall.SIGTERM)
	p.until("it drains", func() bool { return idle.NoOp() != nil })
	require.NoError(t, syscall.Kill(pid, syscall.SIGTERM))
	require.NoError(t, <-p.exited)
	require.Error(t, u.finish())
	require.NoFileExists(t, filepath.Join(p.root, "f"))
}

func TestSIGTERMEndsTheGraceOfAnOldProcess(t *testing.T) {
	p := launch(t, "-restart-grace", "1h")
	old := p.pid()
	c := p.login()
	p.restart()
	require.NoError(t, c.NoOp())
	p.logged("a newer process has taken over", 1)
	require.NoError(t, syscall.Kill(old, syscall.SIGTERM))
	p.until("the session gets its 421", func() bool { return c.NoOp() != nil })
	require.NoError(t, <-p.exited)
	require.NoError(t, visit(p.addr))
}

// writeCert writes a certificate that can be identified by its name.
func writeCert(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return cert, key
}

// shown returns the name of the certificate that a new client gets.
func (p *program) shown() string {
	nc, err := tls.Dial("tcp", p.implTLS, clientTLS())
	require.NoError(p.t, err)
	defer nc.Close()
	return nc.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestSIGHUPChangesTheCertificateWhileATransferGoesOn(t *testing.T) {
	dir := t.TempDir()
	cert, key := writeCert(t, dir, "first")
	p := launch(t, "-tls-cert", cert, "-tls-key", key, "-tls-addr", "127.0.0.1:0")
	u := p.upload(p.login(ftp.DialWithExplicitTLS(clientTLS())), "f")
	require.Equal(t, "first", p.shown())
	writeCert(t, dir, "second")
	p.signal(syscall.SIGHUP)
	p.until("the new certificate is shown", func() bool { return p.shown() == "second" })
	require.NoError(t, u.finish())

	require.NoError(t, os.WriteFile(cert, []byte("half"), 0o600))
	p.signal(syscall.SIGHUP)
	p.logged("reload failed", 1)
	require.Equal(t, "second", p.shown(), "a broken file changes nothing")
}

func TestACertificateIsNoticedByItsFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := writeCert(t, dir, "first")
	c, err := openCert(cert, key)
	require.NoError(t, err)
	require.False(t, c.changed())
	writeCert(t, dir, "second")
	require.NoError(t, os.Chtimes(cert, time.Now(), time.Now().Add(time.Minute)))
	require.True(t, c.changed())
	s := &service{certs: c, log: slog.New(slog.DiscardHandler)}
	s.renewCert()
	require.False(t, c.changed())
	got, err := c.get(nil)
	require.NoError(t, err)
	require.Equal(t, "second", got.Leaf.Subject.CommonName)
}

func TestSIGHUPChangesAccounts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "paradise.toml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	account := func(name, more string) string {
		return "[accounts." + name + "]\npassword = \"" + bcryptOfSecret + "\"\n" + more
	}
	write(account("alice", "home = \"a\"\n"))
	p := launch(t, "-config", file, "-abuse-limits", "off")
	try := func(name string) (*ftp.ServerConn, error) {
		c, err := ftp.Dial(p.addr, ftp.DialWithTimeout(patience))
		require.NoError(t, err)
		return c, c.Login(name, "secret")
	}
	c, err := try("alice")
	require.NoError(t, err)
	require.NoError(t, c.Stor("f", strings.NewReader("x")))
	require.FileExists(t, filepath.Join(p.root, "a", "f"))
	_, err = try("bob")
	require.Error(t, err)

	write(account("bob", "home = \"b\"\ndeny = [\"read-only\"]\n"))
	p.signal(syscall.SIGHUP)
	p.until("bob may log in", func() bool { c, err = try("bob"); return err == nil })
	require.Error(t, c.Stor("f", strings.NewReader("x")))
	_, err = try("alice")
	require.Error(t, err)

	write("[accounts.bob]\n")
	p.signal(syscall.SIGHUP)
	p.logged("reload failed", 1)
	_, err = try("bob")
	require.NoError(t, err, "a bad file changes nothing")
}

func TestAReloadNamesWhatNeedsARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "paradise.toml")
	require.NoError(t, os.WriteFile(file, []byte("max-sessions = 5\n"), 0o600))
	p := launch(t, "-config", file)
	require.NoError(t, os.WriteFile(file, []byte("max-sessions = 6\n"), 0o600))
	p.signal(syscall.SIGHUP)
	p.logged("setting=max-sessions", 1)
	p.logged("configuration loaded", 1)
}

func TestReuseIsNotDemandedWhereNoTicketsAreIssued(t *testing.T) {
	dir := t.TempDir()
	cert, key := writeCert(t, dir, "x")
	file := filepath.Join(dir, "paradise.toml")
	write := func(rule string) {
		require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "data-tls-reuse = %q\n", rule), 0o600))
	}
	write("off")
	p := launch(t, "-config", file, "-tls-cert", cert, "-tls-key", key)
	for i, rule := range []string{"prefer", "require"} {
		write(rule)
		p.signal(syscall.SIGHUP)
		p.logged("configuration loaded", i+1)
	}
	p.logged("setting=data-tls-reuse", 1)
	require.NoError(t, p.login(ftp.DialWithExplicitTLS(clientTLS())).Stor("f", strings.NewReader("data")))
}

func TestOldDevicesAreTakenOnlyOnDemand(t *testing.T) {
	old := clientTLS()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
	for _, c := range []struct {
		name string
		args []string
	}{{"off", nil}, {"on", []string{"-tls-old-devices"}}} {
		t.Run(c.name, func(t *testing.T) {
			cert, key := writeCert(t, t.TempDir(), "x")
			p := launch(t, append(c.args, "-tls-cert", cert, "-tls-key", key, "-tls-addr", "127.0.0.1:0")...)
			nc, err := tls.Dial("tcp", p.implTLS, old)
			if c.args == nil {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			nc.Close()
		})
	}
}

func TestOnlyATracedUsersCommandsAreLogged(t *testing.T) {
	p := launch(t, "-user", "auser:secret", "-user", "other:secret", "-trace-user", "other")
	c := p.login()
	require.NoError(t, c.MakeDir("untraced"))
	require.NoError(t, c.Quit())
	c, err := ftp.Dial(p.addr)
	require.NoError(t, err)
	require.NoError(t, c.Login("other", "secret"))
	require.NoError(t, c.MakeDir("seen"))
	require.NoError(t, c.Quit())
	p.logged("MKD seen", 1)
	assert.NotContains(t, p.stderr.String(), "MKD untraced")
	assert.NotContains(t, p.stderr.String(), "secret")
}

func TestSystemdIsToldWhatGoesOn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	require.NoError(t, err)
	defer l.Close()
	told := make(chan string, 100)
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := l.Read(b)
			if err != nil {
				return
			}
			told <- string(b[:n])
		}
	}()
	await := func(what string) {
		t.Helper()
		for {
			select {
			case text := <-told:
				if contains(text, what) {
					return
				}
			case <-time.After(patience):
				require.FailNow(t, "systemd was not told "+what)
			}
		}
	}
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", "500000")
	p := launch(t)
	await("READY=1")
	await("WATCHDOG=1")
	p.signal(syscall.SIGHUP)
	await("RELOADING=1")
	await("READY=1")
	p.restart()
	await("MAINPID=")
	p.signal(syscall.SIGTERM)
	await("STOPPING=1")
}

func TestSystemdsSocketsAreTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f, err := l.(*net.TCPListener).File()
	require.NoError(t, err)
	dir := t.TempDir()
	// LISTEN_PID must be the ID of the process itself. A shell knows it before it executes the
	// program.
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, install(t), "-addr", l.Addr().String(),
		"-monitor", "", "-root", dir)
	cmd.Env = append(os.Environ(), envMain+"=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=ftp")
	cmd.ExtraFiles = []*os.File{f}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	f.Close()
	l.Close()
	require.NoError(t, visit(l.Addr().String()))
}

func TestAnIdentityServiceDecides(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	serveIdentity(t, l)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("shared\n"), 0o600))
	p := launch(t, "-user", "auser:secret", "-auth-url", "http://"+l.Addr().String()+"/", "-auth-secret-file", secret,
		"-abuse-limits", "off")
	for _, c := range []struct {
		user, password string
		let            bool
	}{{"auser", "secret", true}, {"auser", "other", false}, {"remote", "pass", true}, {"remote", "other", false}} {
		client, err := ftp.Dial(p.addr, ftp.DialWithTimeout(patience))
		require.NoError(t, err)
		err = client.Login(c.user, c.password)
		assert.Equal(t, c.let, err == nil, "%s %s: %v", c.user, c.password, err)
		client.Quit()
	}
	assert.Equal(t, 2, p.gauge(`paradise_auth_requests_total{result="verdict"}`))
	assert.Zero(t, p.gauge(`paradise_auth_requests_total{result="outage"}`))
}

// serveIdentity is an identity service that accepts one user.
func serveIdentity(t *testing.T, l net.Listener) {
	hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ask, err := webhook.ReadRequest(r, []byte("shared"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(webhook.Answer{Allow: ask.User == "remote" && ask.Password == "pass"})
	})}
	go hs.Serve(l)
	t.Cleanup(func() { hs.Close() })
}

func TestAStopIsLoggedWithWhatItWaitsFor(t *testing.T) {
	p := launch(t)
	c := p.login()
	u := p.upload(c, "f")
	p.signal(syscall.SIGTERM)
	p.logged("msg=draining sessions=1 transfers=1", 1)
	require.NotContains(t, p.stderr.String(), "msg=stopped")
	require.NoError(t, u.finish())
	require.NoError(t, <-p.exited)
	require.Contains(t, p.stderr.String(), "msg=stopped")
}

func TestLoginsInTheClearAreWarnedOf(t *testing.T) {
	cert, key := writeCert(t, t.TempDir(), "first")
	for _, c := range []struct {
		name, addr string
		args       []string
		warned     bool
	}{
		{"everywhere", "0.0.0.0:0", nil, true},
		{"everywhere, encrypted", "0.0.0.0:0", []string{"-tls-cert", cert, "-tls-key", key}, false},
		{"on this machine", "127.0.0.1:0", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := launch(t, append(c.args, "-addr", c.addr, "-user", "auser:secret")...)
			p.logged("msg=serving", 1) // it comes after the warning
			require.Equal(t, c.warned, contains(p.stderr.String(), "level=WARN msg=\"logins and data travel in the clear"))
		})
	}
}
