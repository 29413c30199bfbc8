//go:build unix

package clients_test

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/needs"
)

// git-ftp uploads the committed files with curl, and later only those that have changed.
func TestGitFTPDeploys(t *testing.T) {
	needs.Program(t, "git-ftp", "git-ftp")
	for _, mode := range []tlsMode{plain, tls13} {
		t.Run(string(mode), func(t *testing.T) {
			s, v := alone(t, curlClient(), mode, nil)
			work := filepath.Join(v.home, "work")
			scheme := map[tlsMode]string{plain: "ftp", tls13: "ftpes"}[mode]
			git := func(args ...string) {
				_, err := v.run("", "git",
					append([]string{"-C", work, "-c", "user.name=n", "-c", "user.email=n@x.example"}, args...)...)
				require.NoError(t, err, "%v", s.seen.seen("curl"))
			}
			deploy := func(how string, files map[string]string) {
				for name, text := range files {
					require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(work, name)), 0o777))
					require.NoError(t, os.WriteFile(filepath.Join(work, name), []byte(text), 0o600))
				}
				git("add", "-A")
				git("commit", "-q", "-m", how)
				git("ftp", how, "--user", v.user, "--passwd", password, "--cacert", v.ca,
					fmt.Sprintf("%s://%s%s", scheme, net.JoinHostPort(v.host, v.port), v.remote))
				for name, text := range files {
					check(t, s.remoteFile(v, name), []byte(text), how)
				}
			}
			_, err := v.run("", "git", "init", "-q", work)
			require.NoError(t, err)
			deploy("init", map[string]string{"index.html": "one", "css/site.css": "two", "old.txt": "old"})
			git("rm", "-q", "old.txt")
			deploy("push", map[string]string{"index.html": "three", "new/page.html": "four"})
			require.NoFileExists(t, s.remoteFile(v, "old.txt"))
			check(t, s.remoteFile(v, "css/site.css"), []byte("two"), "unchanged")
		})
	}
}

// duplicity keeps full and incremental backups, by lftp.
func TestDuplicityBacksUp(t *testing.T) {
	needs.Program(t, "duplicity", "duplicity")
	for _, mode := range []tlsMode{plain, tls13} {
		t.Run(string(mode), func(t *testing.T) {
			s, v := alone(t, lftpClient(), mode, nil)
			up := t.TempDir()
			makeTree(t, up, 60)
			scheme := map[tlsMode]string{plain: "ftp", tls13: "ftpes"}[mode]
			at := url.URL{Scheme: scheme, User: url.UserPassword(v.user, password), Host: net.JoinHostPort(v.host, v.port),
				Path: v.remote}
			duplicity := func(args ...string) {
				args = append(args, "--no-encryption", "--ssl-cacert-file", v.ca, "--num-retries", "1")
				_, err := v.run("", "duplicity", args...)
				require.NoError(t, err, "%v", s.seen.seen("lftp"))
			}
			duplicity("full", up, at.String())
			require.NoError(t, os.WriteFile(filepath.Join(up, "added.txt"), []byte("later"), 0o600))
			duplicity("incremental", up, at.String())
			duplicity("restore", "--force", at.String(), v.down)
			names := append([]string{"added.txt"}, makeTree(t, up, 60)...)
			assertSameTree(t, up, v.down, names)
		})
	}
}
