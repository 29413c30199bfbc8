//go:build unix

package clients_test

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"testing"

	"github.com/paradiseftp/paradise"
)

// ffmpegClient records and fetches by URL; its format "data" leaves the bytes alone.
func ffmpegClient() *client {
	return &client{
		name: "ffmpeg", brings: "ffmpeg", missing: programs("ffmpeg"),
		open: func(testing.TB) transferer { return ffmpegVisit },
		put:  ffmpegPut,
		// It closes the control connection before the data connection.
		policy: func(p *paradise.Policy) { p.AllowLostControl = true },
		limits: []limitation{
			{"ffmpeg says EPSV only", notBy(epsv), fallsShort(cell{mode: pasv, ip: ipv4, tls: plain}), nil},
			{"ffmpeg has no TLS for FTP", needsTLS, fallsShort(cell{mode: epsv, ip: ipv4, tls: tls12}), nil},
			{"ffmpeg has no ASCII type", needsASCII, fallsShort(cell{mode: epsv, ip: ipv4, tls: plain, ascii: true}), nil},
			{"ffmpeg copies no empty file", anyCell, losesEmpty, isEmpty},
		},
	}
}

// ffmpegVisit uploads and downloads; ffmpeg cannot show listings to its users.
func ffmpegVisit(v *visit) ([]string, error) {
	if err := ffmpegPut(v); err != nil {
		return nil, err
	}
	for _, name := range v.names {
		if err := ffmpegCopy(v, ffmpegLogin(v), ffmpegURL(v, name), nil, "file:"+v.fetched(name)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// ffmpegURL returns a URL in ffmpeg's form, in which nothing is escaped.
func ffmpegURL(v *visit, name string) string {
	return "ftp://" + net.JoinHostPort(v.host, v.port) + v.remote + "/" + name
}

func ffmpegLogin(v *visit) []string { return []string{"-ftp-user", v.user, "-ftp-password", password} }

// ffmpegPut sends, and waits until the server is done with each file, which ffmpeg
// does not.
func ffmpegPut(v *visit) error {
	for _, name := range v.names {
		err := ffmpegCopy(v, nil, v.local(name), ffmpegLogin(v), ffmpegURL(v, name))
		v.site.awaitGone(v.t, v.user)
		if err != nil {
			return err
		}
	}
	return nil
}

func ffmpegCopy(v *visit, ofInput []string, from string, ofOutput []string, to string) error {
	args := append([]string{"-nostdin", "-loglevel", "error"}, ofInput...)
	args = append(args, "-f", "data", "-i", from, "-map", "0", "-c", "copy", "-f", "data", "-y")
	_, err := v.run("", "ffmpeg", append(append(args, ofOutput...), to)...)
	return err
}

// ffmpegRefused downloads a missing file. ffmpeg treats it as an empty file, but it must end.
// ffmpeg reads no reply at the end of an upload, so other refusals cannot be tested.
func ffmpegRefused(v *visit) (string, error) {
	var exit *exec.ExitError
	err := ffmpegCopy(v, ffmpegLogin(v), ffmpegURL(v, "nope"), nil, "file:"+v.fetched("nope"))
	if errors.As(err, &exit) && !exit.Exited() {
		return "killed", err
	}
	return fmt.Sprint(err), ffmpegCopy(v, ffmpegLogin(v), ffmpegURL(v, "there.bin"), nil, "file:"+v.fetched("there.bin"))
}
