//go:build unix

package paradise_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/osfs"
)

// onDisk runs a test on a local folder.
func onDisk(t *testing.T, test func(dir string, c *client)) {
	t.Helper()
	dir := t.TempDir()
	files, err := osfs.Open(dir, osfs.Options{})
	require.NoError(t, err)
	defer files.Close()
	inMemory(t, func(srv *paradise.Server) { srv.Files, srv.Policy.GrantTree = files, true }, func(w *world) {
		c := w.login()
		test(dir, c)
		c.quit()
	})
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, data := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600))
	}
}

// A pipe can be renamed and removed, and nothing else: what the facts promise and
// what commands do is the same.
func TestAPipeIsNoFile(t *testing.T) {
	onDisk(t, func(dir string, c *client) {
		require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
		require.Contains(t, c.cmd(250, "MLST pipe"), "perm=df;")
		for _, line := range []string{"SIZE pipe", "HASH pipe", "XCRC pipe", "SITE CPFR pipe"} {
			c.cmd(550, "%s", line)
		}
		c.cmd(350, "RNFR pipe")
		c.cmd(250, "RNTO other")
		c.cmd(250, "DELE other")
	})
}

// RNFR takes every link that a listing shows and DELE removes, and moves the link.
func TestLinksAreRenamedThemselves(t *testing.T) {
	onDisk(t, func(dir string, c *client) {
		write(t, dir, map[string]string{"file": "x"})
		for _, target := range []string{"nothing", "/etc", "../outside", "link", "file"} {
			require.NoError(t, os.Symlink(target, filepath.Join(dir, "link")))
			c.cmd(350, "RNFR link")
			c.cmd(250, "RNTO moved")
			got, err := os.Readlink(filepath.Join(dir, "moved"))
			require.NoError(t, err)
			require.Equal(t, target, got)
			c.cmd(250, "DELE moved")
		}
		c.cmd(550, "RNFR missing")
		c.cmd(550, "RNFR missing/link")
	})
}

// COMB removes its parts, so a target that is a part too would be lost.
func TestJoinedFilesAreNotLostByASecondName(t *testing.T) {
	onDisk(t, func(dir string, c *client) {
		write(t, dir, map[string]string{"keep": "k", "part": "p"})
		require.NoError(t, os.Symlink("keep", filepath.Join(dir, "link")))
		require.NoError(t, os.Link(filepath.Join(dir, "keep"), filepath.Join(dir, "hard")))
		for _, names := range []string{"keep link", "link keep", "link part keep", "keep hard", "new link keep", "keep part keep"} {
			c.cmd(501, "COMB %s", names)
			for name, want := range map[string]string{"keep": "k", "link": "k", "hard": "k", "part": "p"} {
				got, err := os.ReadFile(filepath.Join(dir, name))
				require.NoError(t, err, names)
				require.Equal(t, want, string(got), names)
			}
			assert.NoFileExists(t, filepath.Join(dir, "new"), names)
		}
		c.cmd(250, "COMB keep part")
	})
}

// A link to the root in the tree is a name as any other: neither is the root
// changed by it, nor what is behind it removed.
func TestALinkIsNoWayToTheRoot(t *testing.T) {
	onDisk(t, func(dir string, c *client) {
		write(t, dir, map[string]string{"file": "x"})
		require.NoError(t, os.Symlink(".", filepath.Join(dir, "link")))
		before, err := os.Stat(dir)
		require.NoError(t, err)
		for _, line := range []string{"SITE CHMOD 000 link", "SITE CHMOD 000 link/.", "MFMT 20010203040506 link", "MFF UNIX.mode=000; link/link",
			"RMD link", "RMDA link", "RMD -r link"} {
			c.cmd(550, "%s", line)
		}
		after, err := os.Stat(dir)
		require.NoError(t, err)
		require.Equal(t, before.Mode(), after.Mode())
		require.Equal(t, before.ModTime(), after.ModTime())
		c.cmd(213, "SIZE file")
		c.cmd(250, "DELE link")
		c.cmd(213, "SIZE file")
	})
}
