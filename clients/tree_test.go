//go:build unix

package clients_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/needs"
)

// makeTree writes n small files in folders of 50, and returns their names.
func makeTree(t *testing.T, folder string, n int) []string {
	var names []string
	for i := range n {
		name := fmt.Sprintf("folder %02d/sub/file %04d.txt", i/50, i)
		file := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o777))
		require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "this is file %d\n", i), 0o600))
		names = append(names, name)
	}
	return names
}

// assertSameTree compares all files of two folders.
func assertSameTree(t *testing.T, want, got string, names []string) {
	t.Helper()
	var found []string
	require.NoError(t, fs.WalkDir(os.DirFS(got), ".", func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			found = append(found, p)
		}
		return err
	}))
	slices.Sort(found)
	require.Equal(t, names, found)
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(want, name))
		require.NoError(t, err)
		check(t, filepath.Join(got, name), data, "")
	}
}

// lftp mirrors 1,000 files up and down, one by one and several at once.
func TestLftpMirrors(t *testing.T) {
	for _, mode := range []tlsMode{plain, tls13} {
		for _, parallel := range []int{1, 4} {
			files := 1000
			if mode != plain || parallel == 1 {
				files = 200 // fewer, because each needs a TLS handshake
			}
			t.Run(fmt.Sprintf("%s %d files, %d at once", mode, files, parallel), func(t *testing.T) {
				t.Parallel()
				s, v := alone(t, lftpClient(), mode, nil)
				up := t.TempDir()
				names := makeTree(t, up, files)
				script := lftpScript(v) + fmt.Sprintf("mirror -R --parallel=%d %s .\nmirror --parallel=%d . %s\n",
					parallel, lftpQuote(up), parallel, lftpQuote(v.down))
				require.NoError(t, lftpRun(v, script))
				assertSameTree(t, up, s.path(v.remote), names)
				assertSameTree(t, up, v.down, names)
			})
		}
	}
}

// wget -r fetches a whole tree.
func TestWgetRecurses(t *testing.T) {
	for _, mode := range []tlsMode{plain, tls13} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			c := wgetClient()
			c.noPut = false
			s, v := alone(t, c, mode, nil)
			names := makeTree(t, s.path(v.remote), 100)
			args := append(wgetArgs(v), "--remove-listing", "-r", "-l", "inf", "-nH", "--cut-dirs=2", "-P", v.down,
				wgetURL(v, ""))
			_, err := v.run("", "wget", args...)
			require.NoError(t, err)
			assertSameTree(t, s.path(v.remote), v.down, names)
		})
	}
}

// ncftpput -R and ncftpget -R copy trees, and a batch of jobs is sent by
// ncftpbatch.
func TestNcftpTrees(t *testing.T) {
	c := ncftpClient()
	s, v := alone(t, c, plain, nil)
	up := t.TempDir()
	names := makeTree(t, filepath.Join(up, "tree"), 100)
	_, err := v.run("", "ncftpput", ncftpArgs(v, "-V", "-R", v.host, v.remote, filepath.Join(up, "tree"))...)
	require.NoError(t, err)
	assertSameTree(t, filepath.Join(up, "tree"), s.path(v.remote+"/tree"), names)
	_, err = v.run("", "ncftpget", ncftpArgs(v, "-V", "-R", v.host, v.down, v.remote+"/tree")...)
	require.NoError(t, err)
	assertSameTree(t, filepath.Join(up, "tree"), v.fetched("tree"), names)
}

func TestNcftpBatch(t *testing.T) {
	data := map[string][]byte{"a.bin": noise(1, 2000), "b.bin": noise(2, 3000)}
	c := ncftpClient()
	needs.Program(t, "ncftpbatch", "ncftp")
	s, v := alone(t, c, plain, data)
	for name := range data {
		_, err := v.run("", "ncftpput", "-u", v.user, "-p", password, "-P", v.port, "-bb", v.host, v.remote, v.local(name))
		require.NoError(t, err)
	}
	out, err := v.run("", "ncftpbatch", "-D")
	require.NoError(t, err)
	for name, want := range data {
		check(t, s.remoteFile(v, name), want, out)
	}
}

// jlaffaye/ftp walks a tree.
func TestJlaffayeWalks(t *testing.T) {
	s, v := alone(t, goClient(), tls13, nil)
	names := makeTree(t, s.path(v.remote), 120)
	conn, err := goLogin(v)
	require.NoError(t, err)
	var found []string
	for w := conn.Walk(v.remote); w.Next(); {
		if w.Stat().Type == 0 {
			rel, err := filepath.Rel(v.remote, path.Clean(w.Path()))
			require.NoError(t, err)
			found = append(found, rel)
		}
	}
	require.NoError(t, conn.Quit())
	slices.Sort(found)
	assert.Equal(t, names, found)
}
