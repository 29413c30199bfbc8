package osfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

// mount puts an empty file system over a folder until the test ends.
func TestAFileSystemThatIsMountedLaterIsServed(t *testing.T) {
	needs.Root(t, "mounting a file system")
	d, parent, log := within(t, Options{})
	u := begin(t, d, "/late", "x", paradise.StoreOptions{})
	needs.Tmpfs(t, parent+"/served")
	assert.Empty(t, names(t, d, "/"))
	store(t, d, "/f", "x", paradise.StoreOptions{})
	assert.Equal(t, "x", get(t, parent, "served/f"))
	err := u.Commit(ctx)
	unavailable(t, err)
	u.Abort(ctx, err)
	require.NoError(t, d.Ready())
	assert.Equal(t, 1, log.count(saidExchanged))

	u = begin(t, d, "/late", "x", paradise.StoreOptions{})
	require.NoError(t, unix.Unmount(parent+"/served", unix.MNT_DETACH))
	assert.Equal(t, []string{"old"}, names(t, d, "/"))
	err = u.Commit(ctx)
	unavailable(t, err)
	u.Abort(ctx, err)
}

func TestAHomeOnADiskOfItsOwn(t *testing.T) {
	needs.Root(t, "mounting a file system")
	parent := t.TempDir()
	put(t, parent, "ann/old", "old")
	h, err := OpenHomes(parent, HomesOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	ann := homeOf{h, visitor("ann")}
	u := begin(t, ann, "/late", "x", paradise.StoreOptions{})
	needs.Tmpfs(t, parent+"/ann")
	store(t, ann, "/f", "x", paradise.StoreOptions{})
	assert.Equal(t, "x", get(t, parent, "ann/f"))
	err = u.Commit(ctx)
	unavailable(t, err)
	u.Abort(ctx, err)
}

func TestAFileSystemMountedOverAFolderBelow(t *testing.T) {
	needs.Root(t, "mounting a file system")
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		require.NoError(t, os.Mkdir(dir+"/sub", 0o755))
		u := begin(t, d, "/sub/f", "x", paradise.StoreOptions{})
		needs.Tmpfs(t, dir+"/sub")
		err := u.Commit(ctx)
		unavailable(t, err)
		u.Abort(ctx, err)
		store(t, d, "/sub/f", "y", paradise.StoreOptions{})
		assert.Equal(t, "y", get(t, dir, "sub/f"))
		require.NoError(t, unix.Unmount(dir+"/sub", unix.MNT_DETACH))
		assert.NoFileExists(t, dir+"/sub/f")
	})
}

// An upload into a folder that is renamed meanwhile goes with it: that is the
// same as if it had ended before.
func TestAnUploadGoesWithItsRenamedFolder(t *testing.T) {
	d, dir := open(t, Options{})
	require.NoError(t, os.Mkdir(dir+"/sub", 0o755))
	u := begin(t, d, "/sub/f", "x", paradise.StoreOptions{})
	require.NoError(t, d.Rename(ctx, session, "/sub", "/moved", paradise.RenameOptions{}))
	require.NoError(t, d.Mkdir(ctx, session, "/sub"))
	require.NoError(t, u.Commit(ctx))
	assert.Equal(t, "x", get(t, dir, "moved/f"))
}

func TestAReadOnlyFileSystemRefusesForGood(t *testing.T) {
	d, dir := open(t, Options{})
	needs.Tmpfs(t, dir)
	put(t, dir, "f", "x")
	require.NoError(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	_, err := d.Store(ctx, session, "/g", paradise.StoreOptions{})
	require.ErrorIs(t, err, os.ErrPermission)
	require.Equal(t, []string{"f"}, names(t, d, "/"), "reading goes on")
	require.NoError(t, d.Ready())
}

// A process that has given up its rights, or a folder above that was closed,
// proves nothing about the folder that is held.
func TestAPathThatMayNotBeLookedAtLeavesTheFolderInService(t *testing.T) {
	d, parent, log := within(t, Options{})
	require.NoError(t, os.Chmod(parent, 0))
	stat := func() error { _, err := d.Stat(ctx, session, "/old"); return err }
	errs := make([]error, 3)
	asNobody(t, func() { errs[0], errs[1], errs[2] = stat(), d.Ready(), stat() })
	require.NoError(t, os.Chmod(parent, 0o755))
	require.NoError(t, errs[0])
	unavailable(t, errs[1])
	require.NoError(t, errs[2], "also once that was said")
	assert.Equal(t, 1, log.count(saidGone))
	require.NoError(t, d.Ready())
	assert.Equal(t, 1, log.count(saidBack))
}

func TestAFolderThatMayNotBeEnteredIsNotReady(t *testing.T) {
	d, parent, _ := within(t, Options{})
	require.NoError(t, os.Chmod(filepath.Dir(parent), 0o755))
	require.NoError(t, os.Chmod(parent, 0o755))
	require.NoError(t, os.Chmod(parent+"/served", 0))
	var ready, stat error
	asNobody(t, func() {
		ready = d.Ready()
		_, stat = d.Stat(ctx, session, "/old")
	})
	require.NoError(t, os.Chmod(parent+"/served", 0o755))
	unavailable(t, ready)
	require.ErrorIs(t, stat, os.ErrPermission)
	require.NoError(t, d.Ready())
}
