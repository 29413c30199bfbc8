package main

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/paradiseftp/paradise/internal/needs"
)

// freePort returns a port that was free a moment ago, for programs that cannot choose one
// themselves.
func freePort(t *testing.T) (string, int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String(), l.Addr().(*net.TCPAddr).Port
}

// serveNames answers 127.0.0.1 for every name.
func serveNames(t *testing.T) string {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { pc.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1},
					Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
			}
			if reply, err := m.Pack(); err == nil {
				pc.WriteTo(reply, from)
			}
		}
	}()
	return pc.LocalAddr().String()
}

func TestCertificatesComeByACME(t *testing.T) {
	pebble := needs.Program(t, "pebble", "pebble")
	dir := t.TempDir()
	cert, key := writeCert(t, dir, "pebble")
	directory, _ := freePort(t)
	management, _ := freePort(t)
	challenges, port := freePort(t)
	_, unused := freePort(t)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{"listenAddress": directory,
		"managementListenAddress": management,
		"certificate":             cert, "privateKey": key, "httpPort": port, "tlsPort": unused}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pebble.json"), config, 0o600))
	authority := exec.Command(pebble, "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", serveNames(t))
	authority.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	require.NoError(t, authority.Start())
	t.Cleanup(func() { authority.Process.Kill(); authority.Wait() })
	require.Eventually(t, func() bool {
		nc, err := net.Dial("tcp", directory)
		if err == nil {
			nc.Close()
		}
		return err == nil
	}, patience, 50*time.Millisecond)

	t.Setenv("SSL_CERT_FILE", cert)
	p := launch(t, "-acme-domains", "ftp.example.com", "-acme-cache", filepath.Join(dir, "cache"),
		"-acme-http", challenges,
		"-acme-directory", "https://"+directory+"/dir", "-tls-addr", "127.0.0.1:0")
	for _, name := range []string{"ftp.example.com", ""} {
		nc, err := tls.Dial("tcp", p.implTLS, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		require.NoError(t, err, "a client that names %q", name)
		require.NoError(t, nc.ConnectionState().PeerCertificates[0].VerifyHostname("ftp.example.com"))
		nc.Close()
	}
	_, err = tls.Dial("tcp", p.implTLS, &tls.Config{ServerName: "other.example.com", InsecureSkipVerify: true})
	require.Error(t, err)
}
