//go:build unix

package clients_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jlaffaye/ftp"
	"github.com/stretchr/testify/require"
)

// goClient is the library that most Go programs use, rclone too.
func goClient() *client {
	return &client{
		name: "jlaffaye", brings: "github.com/jlaffaye/ftp", crlf: true,
		open: func(testing.TB) transferer { return goVisit },
		limits: []limitation{
			{"jlaffaye/ftp has no active mode", needsActive, moduleLacks("github.com/jlaffaye/ftp", "EPRT"), nil},
		},
	}
}

// moduleLacks is like programLacks, for the sources of a Go module.
func moduleLacks(module, word string) proof {
	return func(t *testing.T, _ *client, _ map[tlsMode]*site) {
		dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
		require.NoError(t, err)
		files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			fileLacks(t, file, word)
		}
	}
}

// goLogin connects and logs in.
func goLogin(v *visit) (*ftp.ServerConn, error) {
	options := []ftp.DialOption{
		ftp.DialWithTimeout(20 * time.Second), ftp.DialWithContext(v.t.Context()),
		ftp.DialWithDisabledEPSV(v.cell.mode == pasv),
	}
	if v.cell.tls != plain {
		config, err := goTLS(v)
		if err != nil {
			return nil, err
		}
		with := ftp.DialWithExplicitTLS
		if v.cell.tls == implicit {
			with = ftp.DialWithTLS
		}
		options = append(options, with(config))
	}
	c, err := ftp.Dial(net.JoinHostPort(v.host, v.port), options...)
	if err != nil {
		return nil, err
	}
	if err := c.Login(v.user, password); err != nil {
		return nil, errors.Join(err, c.Quit())
	}
	return c, nil
}

func goTLS(v *visit) (*tls.Config, error) {
	text, err := os.ReadFile(v.ca)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{ServerName: v.host, RootCAs: x509.NewCertPool(),
		ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	config.RootCAs.AppendCertsFromPEM(text)
	switch v.cell.tls {
	case tls12:
		config.MaxVersion = tls.VersionTLS12
	case tls13:
		config.MinVersion = tls.VersionTLS13
	}
	return config, nil
}

func goVisit(v *visit) (names []string, err error) {
	c, err := goLogin(v)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Quit()) }()
	if v.cell.ascii {
		if err := c.Type(ftp.TransferTypeASCII); err != nil {
			return nil, err
		}
	}
	if err := c.ChangeDir(v.remote); err != nil {
		return nil, err
	}
	for _, name := range v.names {
		if err := goPut(c, v.local(name), name); err != nil {
			return nil, err
		}
	}
	entries, err := c.List(".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		names = append(names, e.Name)
	}
	for _, name := range v.names {
		if err := goGet(c, name, v.fetched(name)); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func goPut(c *ftp.ServerConn, local, remote string) error {
	f, err := os.Open(local)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.Stor(remote, f)
}

func goGet(c *ftp.ServerConn, remote, local string) error {
	r, err := c.Retr(remote)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	return os.WriteFile(local, data, 0o600)
}
