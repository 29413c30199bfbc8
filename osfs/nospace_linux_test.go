package osfs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

// small serves a file system of 1 MiB.
func small(t *testing.T) (*Driver, string) {
	needs.Root(t, "mounting a file system")
	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0), "something is still open") })
	d, err := Open(dir, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d, dir
}

func TestFullDiskFailsTheUploadAndGivesItsSpaceBack(t *testing.T) {
	for kind, named := range kinds {
		t.Run(kind, func(t *testing.T) {
			d, dir := small(t)
			d.at.Load().named.Store(named)
			put(t, dir, "f", "old")
			u := begin(t, d, "/f", strings.Repeat("x", 900<<10), paradise.StoreOptions{})
			_, err := u.Write(make([]byte, 512<<10))
			require.ErrorIs(t, err, paradise.ErrNoSpace)
			require.ErrorIs(t, err, unix.ENOSPC, "for the log")
			u.Abort(ctx, err)
			assert.Equal(t, "old", get(t, dir, "f"))
			assert.Empty(t, parts(t, dir))
			store(t, d, "/f", strings.Repeat("y", 900<<10), paradise.StoreOptions{})
		})
	}
}

func TestFullDiskFailsACopyAndARebuild(t *testing.T) {
	d, dir := small(t)
	put(t, dir, "f", strings.Repeat("x", 600<<10))
	require.ErrorIs(t, d.Copy(ctx, session, "/f", "/g", paradise.CopyOptions{}), paradise.ErrNoSpace)
	u, err := d.Store(ctx, session, "/f", paradise.StoreOptions{Append: true})
	require.NoError(t, err)
	err = u.Begin(ctx, paradise.UploadInfo{})
	require.ErrorIs(t, err, paradise.ErrNoSpace)
	u.Abort(ctx, err)
	assert.Equal(t, []string{"f"}, names(t, d, "/"))
}
