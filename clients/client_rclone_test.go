//go:build unix

package clients_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rcloneClient supports only a few cells. Its FTP library is jlaffaye/ftp, but it has its own
// habits: many sessions, partial names, listings before every operation.
func rcloneClient() *client {
	return &client{
		name: "rclone", brings: "rclone", missing: programs("rclone"),
		open: openRclone,
		limits: []limitation{
			{"rclone has no active mode", needsActive, helpLacks("ftp-active", "rclone", "help", "flags"), nil},
			{"rclone has no ASCII mode", needsASCII, helpLacks("ftp-ascii", "rclone", "help", "flags"), nil},
		},
	}
}

func openRclone(t testing.TB) transferer {
	v := &visit{t: t, home: t.TempDir()}
	hidden, err := v.run("", "rclone", "obscure", password)
	require.NoError(t, err)
	return func(v *visit) ([]string, error) { return rcloneVisit(v, strings.TrimSpace(hidden)) }
}

// rcloneRun runs one command of rclone's.
func rcloneRun(v *visit, hidden string, args ...string) (string, error) {
	env := []string{
		"RCLONE_FTP_HOST=" + v.bracketed(), "RCLONE_FTP_PORT=" + v.port, "RCLONE_FTP_USER=" + v.user,
		"RCLONE_FTP_PASS=" + hidden,
		fmt.Sprintf("RCLONE_FTP_TLS=%v", v.cell.tls == implicit),
		fmt.Sprintf("RCLONE_FTP_EXPLICIT_TLS=%v", v.cell.tls == tls12 || v.cell.tls == tls13),
		fmt.Sprintf("RCLONE_FTP_DISABLE_EPSV=%v", v.cell.mode == pasv),
		"RCLONE_CONFIG=" + v.home + "/rclone.conf", "SSL_CERT_FILE=" + v.ca, "RCLONE_FTP_ENCODING=Slash", "RCLONE_RETRIES=1",
		"RCLONE_LOW_LEVEL_RETRIES=1",
	}
	if _, err := v.write("rclone.conf", ""); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(v.t.Context(), limit)
	defer cancel()
	cmd := command(ctx, v.home, "rclone", args...)
	cmd.Env = append(cmd.Env, env...)
	return finish(cmd, "")
}

func rcloneVisit(v *visit, hidden string) ([]string, error) {
	var list string
	for _, args := range [][]string{
		{"copy", v.up, ":ftp:" + v.remote},
		{"lsf", ":ftp:" + v.remote},
		{"copy", ":ftp:" + v.remote, v.down},
	} {
		out, err := rcloneRun(v, hidden, args...)
		if err != nil {
			return nil, err
		}
		if args[0] == "lsf" {
			list = out
		}
	}
	return lines(list), nil
}
