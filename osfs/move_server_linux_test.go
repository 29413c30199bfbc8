package osfs_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
	"github.com/paradiseftp/paradise/osfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

// What a client sees of a volume below the root.
func TestRntoToAnotherFileSystem(t *testing.T) {
	needs.Root(t, "mounting a file system")
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(dir+"/disk", 0o755))
	require.NoError(t, os.MkdirAll(dir+"/folder", 0o755))
	require.NoError(t, unix.Mount("tmpfs", dir+"/disk", "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { _ = unix.Unmount(dir+"/disk", unix.MNT_DETACH) })
	files, err := osfs.Open(dir, osfs.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, files.Close()) })
	c := paradisetest.NewServer(t, &paradise.Server{Files: files}).Dial()
	c.Login()
	rnto := func(code int, from, to string) string {
		c.Expect(350, "RNFR %s", from)
		return c.Expect(code, "RNTO %s", to).Text()
	}
	c.Store("STOR f", "x")
	rnto(250, "f", "disk/f")
	c.Expect(213, "SIZE disk/f")
	c.Expect(550, "SIZE f")
	rnto(250, "disk/f", "f")
	assert.Contains(t, rnto(550, "folder", "disk/folder"), "another file system")
	assert.Contains(t, rnto(550, "disk", "moved"), "mounted")
	assert.Contains(t, c.Expect(550, "RMD disk").Text(), "mounted")
	c.Store("STOR large", string(make([]byte, 2<<20)))
	rnto(452, "large", "disk/large")
	c.Expect(213, "SIZE large")
	c.Expect(550, "SIZE disk/large")
}
