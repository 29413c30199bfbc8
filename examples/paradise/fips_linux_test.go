package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jlaffaye/ftp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const fipsOnly = "fips140=only"

func TestTheServerWorksWhereFIPSIsEnforced(t *testing.T) {
	t.Setenv("GODEBUG", fipsOnly)
	dir := t.TempDir()
	cert, key := writeCert(t, dir, "localhost")
	token := filepath.Join(dir, "token")
	require.NoError(t, os.WriteFile(token, []byte("0123456789abcdef"), 0o600))
	p := launch(t, "-tls-cert", cert, "-tls-key", key, "-tls-addr", "127.0.0.1:0", "-user", "auser:secret",
		"-journal", filepath.Join(dir, "journal"), "-xferlog", filepath.Join(dir, "xferlog"), "-monitor-token-file", token)
	c := p.login(ftp.DialWithExplicitTLS(clientTLS()))
	require.NoError(t, c.Stor("f", strings.NewReader("x")))
	require.NoError(t, c.Quit())
	p.restart()
	c = p.login(ftp.DialWithExplicitTLS(clientTLS()))
	r, err := c.Retr("f")
	require.NoError(t, err)
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "x", string(content))
	require.NoError(t, r.Close())
	require.NoError(t, who([]string{"-monitor", p.monitor}, &strings.Builder{}, os.Stderr))
	require.NoError(t, healthcheck([]string{"-ready", "-monitor", p.monitor}, os.Stderr))
	assert.NotContains(t, p.stderr.String(), "panic")

	nc, err := tls.Dial("tcp", p.implTLS,
		&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
			CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}})
	require.Error(t, err, "a suite that is not approved")
	require.Nil(t, nc)
}

// Settings that cannot work with FIPS 140 are refused at start, and do not panic at the first
// use.
func TestWhatFIPSForbidsIsRefusedAtStart(t *testing.T) {
	dir := t.TempDir()
	cert, key := writeCert(t, dir, "localhost")
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	const md5Line = "bob:$apr1$abcdefgh$RD0JMX7oezwWIhhtKE7CO.\n"
	shaLine := "carol:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=\n"
	short, long := file("short", "shared"), file("long", "a secret that is long enough")
	for _, c := range []struct {
		name, want string // "": the configuration is valid
		args       []string
	}{
		{"bcrypt", "", []string{"-htpasswd", file("bcrypt", "bob:"+bcryptOfSecret+"\n")}},
		{"MD5 of Apache", "line 1: is a password hash (md5) that this process may not verify",
			[]string{"-htpasswd", file("md5", md5Line)}},
		{"SHA-1", "line 1: is a password hash (sha) that this process may not verify",
			[]string{"-htpasswd", file("sha", shaLine)}},
		{"SHA-1 with salt", "(ssha)",
			[]string{"-htpasswd", file("ssha", "dave:{SSHA}"+"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")}},
		{"MD5 in the configuration", "line 2: accounts.bob.password: is a password hash (md5)", []string{"-config",
			file("toml", "[accounts.bob]\npassword = \"$apr1$abcdefgh$RD0JMX7oezwWIhhtKE7CO.\"\n")}},
		{"a short secret of logins", "-auth-url: webhook: the secret has 6 bytes, and FIPS 140 wants 14 at least",
			[]string{"-auth-url", "https://auth.example/", "-auth-secret-file", short}},
		{"a long one", "", []string{"-auth-url", "https://auth.example/", "-auth-secret-file", long}},
		{"a short secret of uploads", "-on-upload: deliver: the secret has 6 bytes",
			[]string{"-on-upload", "https://hook.example/", "-on-upload-secret-file", short}},
		{"old devices", "-tls-old-devices asks for what FIPS 140 forbids",
			[]string{"-tls-cert", cert, "-tls-key", key, "-tls-old-devices"}},
		{"a short key", "can serve nobody", rsaFlags(t, 1024)},
		{"a long key", "", rsaFlags(t, 2048)},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(install(t), append(c.args, "-check", "-root", filepath.Join(dir, "root"))...)
			cmd.Env = append(os.Environ(), envMain+"=1", "GODEBUG="+fipsOnly)
			out, err := cmd.CombinedOutput()
			if c.want == "" {
				require.NoError(t, err, "%s", out)
				return
			}
			require.Error(t, err)
			require.Contains(t, string(out), c.want)
			require.Equal(t, 1, strings.Count(string(out), "\n"), "%s", out)
			if strings.HasPrefix(c.name, "a short key") {
				return // too short even without FIPS 140
			}
			cmd = exec.Command(install(t), append(c.args, "-check", "-root", filepath.Join(dir, "root"))...)
			cmd.Env = append(os.Environ(), envMain+"=1", "GODEBUG=fips140=off")
			out, err = cmd.CombinedOutput()
			require.NoError(t, err, "elsewhere it is right: %s", out)
		})
	}
}

func TestAHashIsMadeWhereFIPSIsEnforced(t *testing.T) {
	for _, kind := range []string{"-argon2id", "-bcrypt"} {
		cmd := exec.Command(install(t), "hash-password", kind)
		cmd.Env = append(os.Environ(), envMain+"=1", "GODEBUG="+fipsOnly)
		cmd.Stdin = strings.NewReader("password")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		h, err := parseHash(strings.TrimSpace(string(out)))
		require.NoError(t, err)
		require.True(t, h.fits("password"))
	}
}

// rsaFlags returns flags for a certificate whose key has so many bits.
func rsaFlags(t *testing.T, bits int) []string {
	dir := t.TempDir()
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, bits)
	require.NoError(t, err)
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), signer)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600))
		return path
	}
	return []string{"-tls-cert", write("cert.pem", "CERTIFICATE", der), "-tls-key", write("key.pem", "PRIVATE KEY", pkcs8)}
}
