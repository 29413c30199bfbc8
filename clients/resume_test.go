//go:build unix

package clients_test

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// alone starts a server for a test of one client, and prepares a visit to it.
func alone(t *testing.T, c *client, mode tlsMode, data map[string][]byte) (*site, *visit) {
	c.need(t)
	s := newSite(t, newAuthority(t), mode, nil)
	at, ok := c.first(mode)
	require.True(t, ok)
	return s, s.visit(t, c, at, newFileSet(t, data))
}

// remoteFile returns the path of a visit's file on the disk.
func (s *site) remoteFile(v *visit, name string) string { return s.path(path.Join(v.remote, name)) }

// halve cuts a file to its first half.
func halve(t *testing.T, file string, data []byte) {
	require.NoError(t, os.WriteFile(file, data[:len(data)/2], 0o600))
}

// curl -C - continues a download and an upload where they have stopped.
func TestCurlResumes(t *testing.T) {
	for _, mode := range []tlsMode{plain, tls13} {
		t.Run(string(mode), func(t *testing.T) {
			data := noise(3, 300_000)
			s, v := alone(t, curlClient(), mode, map[string][]byte{"big.bin": data})
			halve(t, s.remoteFile(v, "big.bin"), data)
			halve(t, v.fetched("big.bin"), data)
			for _, op := range []string{"upload-file = " + curlQuote(v.local("big.bin")),
				"output = " + curlQuote(v.fetched("big.bin"))} {
				require.NoError(t, curlRun(v, []string{fmt.Sprintf("url = %q\ncontinue-at = -\n%s\n", v.url("big.bin"), op)}))
			}
			check(t, s.remoteFile(v, "big.bin"), data, "sent")
			check(t, v.fetched("big.bin"), data, "fetched")
			seen := s.seen.seen("curl")
			assert.True(t, seen.said("APPE") && seen.said("REST"), seen)
		})
	}
}

// curl --ftp-create-dirs makes the folders above a file.
func TestCurlCreatesFolders(t *testing.T) {
	data := noise(4, 1000)
	s, v := alone(t, curlClient(), plain, map[string][]byte{"f": data})
	op := fmt.Sprintf("url = %q\nftp-create-dirs\nupload-file = %s\n", v.url("a/b c/d/f"), curlQuote(v.local("f")))
	require.NoError(t, curlRun(v, []string{op}))
	check(t, s.remoteFile(v, "a/b c/d/f"), data, "sent")
	require.NoError(t, curlRun(v, []string{op}), "the folders are there now")
}

// In lftp, put -c and get -c resume, pget downloads several parts at once, and MODE Z affects
// only the bytes on the wire.
func TestLftpTransfers(t *testing.T) {
	for _, mode := range []tlsMode{plain, tls13} {
		for _, z := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s mode Z %v", mode, z), func(t *testing.T) {
				text := []byte(strings.Repeat("paradise ", 100_000))
				s, v := alone(t, lftpClient(), mode, map[string][]byte{"big.txt": text})
				halve(t, s.remoteFile(v, "big.txt"), text)
				halve(t, v.fetched("big.txt"), text)
				parts := filepath.Join(v.home, "parts.txt")
				script := lftpScript(v) +
					fmt.Sprintf("set ftp:use-mode-z %v\nlcd %s\nput -c %s\n", z, lftpQuote(v.down), lftpQuote(v.local("big.txt"))) +
					"get -c big.txt\n" + fmt.Sprintf("set pget:min-chunk-size 10k\npget -n 4 big.txt -o %s\n", lftpQuote(parts))
				require.NoError(t, lftpRun(v, script))
				check(t, s.remoteFile(v, "big.txt"), text, "sent")
				check(t, v.fetched("big.txt"), text, "fetched")
				check(t, parts, text, "fetched in parts")
				seen := s.seen.seen("lftp")
				assert.True(t, seen.said("REST"), seen)
				var moved int64
				for _, e := range seen.transfers() {
					if e.Verb == "STOR" || e.Verb == "APPE" {
						moved += e.Bytes
					}
				}
				assert.Equal(t, z, moved < int64(len(text))/10, "%d bytes on the wire; %v", moved, seen)
			})
		}
	}
}

// ftplib sends and fetches the second half of files by REST.
func TestFtplibResumes(t *testing.T) {
	for _, mode := range allTLS {
		t.Run(string(mode), func(t *testing.T) {
			data := noise(5, 300_001)
			s, v := alone(t, pythonClient(), mode, map[string][]byte{"big.bin": data})
			_, err := startPython(t).op("resume", v)
			seen := s.seen.seen("ftplib")
			require.NoError(t, err, seen)
			check(t, s.remoteFile(v, "big.bin"), data, seen.String())
			check(t, v.fetched("big.bin"), data, seen.String())
		})
	}
}

// ftplib's abort() ends a transfer either way; nothing of the upload is seen, and
// the session goes on.
func TestFtplibAborts(t *testing.T) {
	for _, mode := range allTLS {
		t.Run(string(mode), func(t *testing.T) {
			data := noise(6, 20<<20)
			s, v := alone(t, pythonClient(), mode, map[string][]byte{"big.bin": data})
			require.NoError(t, os.WriteFile(s.remoteFile(v, "big.bin"), data, 0o600))
			got, err := startPython(t).op("abort", v)
			seen := s.seen.seen("ftplib")
			require.NoError(t, err, seen)
			assert.Equal(t, []string{"426", "226", "426", "226", "big.bin"}, got, seen)
			_, err = os.Stat(s.remoteFile(v, "half.bin"))
			assert.True(t, errors.Is(err, os.ErrNotExist), "half an upload is visible")
		})
	}
}
