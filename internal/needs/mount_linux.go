package needs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Tmpfs mounts a file system of 4 MiB in memory over a folder, until the test ends.
func Tmpfs(tb testing.TB, dir string) {
	tb.Helper()
	Root(tb, "mounting a file system")
	require.NoError(tb, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"))
	tb.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

// FileSystems are those that every Linux has. Each function makes one that is empty, for
// as long as the test runs, and returns its folder.
func FileSystems() map[string]func(tb testing.TB) string {
	return map[string]func(tb testing.TB) string{
		"the disk": func(tb testing.TB) string { return tb.TempDir() },
		"tmpfs": func(tb testing.TB) string {
			dir := tb.TempDir()
			Tmpfs(tb, dir)
			return dir
		},
		"overlay": overlay,
	}
}

func overlay(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	Tmpfs(tb, dir) // overlayfs does not lie on itself, and the disk may be one
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		require.NoError(tb, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	merged := filepath.Join(dir, "merged")
	options := "lowerdir=" + dir + "/lower,upperdir=" + dir + "/upper,workdir=" + dir + "/work"
	require.NoError(tb, unix.Mount("overlay", merged, "overlay", 0, options))
	tb.Cleanup(func() { _ = unix.Unmount(merged, unix.MNT_DETACH) })
	return merged
}
