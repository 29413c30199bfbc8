package osfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

var ctx = context.Background()

func TestUploadIsInvisibleUntilCommit(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		u := begin(t, d, "/new", "content", paradise.StoreOptions{})
		assert.Empty(t, names(t, d, "/"))
		_, err := d.Stat(ctx, session, "/new")
		assert.ErrorIs(t, err, fs.ErrNotExist)

		require.NoError(t, u.Commit(ctx))
		assert.Equal(t, []string{"new"}, names(t, d, "/"))
		assert.Equal(t, "content", get(t, dir, "new"))
		assert.Empty(t, parts(t, dir))
	})
}

func TestOldVersionStaysUntilCommit(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		put(t, dir, "sub/f", "the old version")
		u := begin(t, d, "/sub/f", "new", paradise.StoreOptions{})
		assert.Equal(t, "the old version", get(t, dir, "sub/f"))
		require.NoError(t, u.Commit(ctx))
		assert.Equal(t, "new", get(t, dir, "sub/f"))
		assert.Empty(t, parts(t, dir))
	})
}

func TestAbortLeavesOldVersionAndNothingElse(t *testing.T) {
	for _, o := range []paradise.StoreOptions{{}, {Offset: 3}, {Append: true}} {
		eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
			put(t, dir, "f", "old")
			u := begin(t, d, "/f", "new", o)
			u.Abort(ctx, paradise.ErrAborted)
			assert.Equal(t, "old", get(t, dir, "f"))
			assert.Empty(t, parts(t, dir))
		})
	}
}

func TestAbortWithoutBeginLeavesNothing(t *testing.T) {
	eachKind(t, Options{ExclusiveWriters: true}, func(t *testing.T, d *Driver, dir string) {
		for range 2 { // the second would be busy if the first had left its mark
			u, err := d.Store(ctx, session, "/f", paradise.StoreOptions{})
			require.NoError(t, err)
			u.Abort(ctx, paradise.ErrBadType)
		}
		assert.Empty(t, parts(t, dir))
		assert.Empty(t, names(t, d, "/"))
	})
}

func TestLastCommitOfTwoWritersWinsWhole(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		first := begin(t, d, "/f", strings.Repeat("a", 1000), paradise.StoreOptions{})
		second := begin(t, d, "/f", "bb", paradise.StoreOptions{})
		require.NoError(t, second.Commit(ctx))
		require.NoError(t, first.Commit(ctx))
		assert.Equal(t, strings.Repeat("a", 1000), get(t, dir, "f"))
	})
}

func TestConcurrentWritersLeaveOneWholeFile(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		const writers, size = 20, 100_000
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				store(t, d, "/f", strings.Repeat(string(rune('a'+i)), size), paradise.StoreOptions{})
			})
		}
		wg.Wait()
		content := get(t, dir, "f")
		assert.Equal(t, strings.Repeat(content[:1], size), content)
		assert.Empty(t, parts(t, dir))
	})
}

func TestExclusiveWritersRefuseTheSecond(t *testing.T) {
	d, _ := open(t, Options{ExclusiveWriters: true})
	u := begin(t, d, "/f", "x", paradise.StoreOptions{})
	_, err := d.Store(ctx, session, "/f", paradise.StoreOptions{})
	require.ErrorIs(t, err, paradise.ErrBusy)
	_, err = d.Store(ctx, session, "/f", paradise.StoreOptions{Exclusive: true})
	require.ErrorIs(t, err, fs.ErrExist, "so that STOU picks another name")
	require.NoError(t, u.Commit(ctx))
	store(t, d, "/f", "y", paradise.StoreOptions{})
}

func TestExclusiveNeverReplaces(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		put(t, dir, "taken", "old")
		_, err := d.Store(ctx, session, "/taken", paradise.StoreOptions{Exclusive: true})
		require.ErrorIs(t, err, fs.ErrExist, "at Store")

		u := begin(t, d, "/late", "new", paradise.StoreOptions{Exclusive: true})
		put(t, dir, "late", "old")
		require.ErrorIs(t, u.Commit(ctx), fs.ErrExist, "at Commit")
		u.Abort(ctx, fs.ErrExist)
		assert.Equal(t, "old", get(t, dir, "late"))
		assert.Empty(t, parts(t, dir))

		store(t, d, "/free", "new", paradise.StoreOptions{Exclusive: true})
		assert.Equal(t, "new", get(t, dir, "free"))
	})
}

func TestFileThatAppearsDuringUploadIsReplaced(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		u := begin(t, d, "/f", "upload", paradise.StoreOptions{})
		put(t, dir, "f", "other")
		require.NoError(t, u.Commit(ctx))
		assert.Equal(t, "upload", get(t, dir, "f"))
	})
}

func TestFolderThatAppearsDuringUploadStays(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		u := begin(t, d, "/f", "upload", paradise.StoreOptions{})
		require.NoError(t, os.Mkdir(filepath.Join(dir, "f"), 0o755))
		err := u.Commit(ctx)
		require.ErrorIs(t, err, paradise.ErrIsDir)
		u.Abort(ctx, err)
		assert.DirExists(t, filepath.Join(dir, "f"))
		assert.Empty(t, parts(t, dir))
	})
}

func TestStoreRefusesAtOnce(t *testing.T) {
	d, dir := open(t, Options{})
	put(t, dir, "file", "x")
	put(t, dir, "folder/file", "x")
	for name, rule := range map[string]struct {
		o    paradise.StoreOptions
		want error
	}{
		"/":                              {want: paradise.ErrIsDir},
		"/folder":                        {want: paradise.ErrIsDir},
		"/none/file":                     {want: fs.ErrNotExist},
		"/file/below":                    {want: paradise.ErrNotDir},
		"/.paradise-x.part":              {want: paradise.ErrBadName},
		"/" + strings.Repeat("n", 256):   {want: paradise.ErrBadName},
		"/file?offset":                   {o: paradise.StoreOptions{Offset: 1}, want: paradise.ErrBadOffset},
		"/folder/file":                   {o: paradise.StoreOptions{Offset: 2}, want: paradise.ErrBadOffset},
		"/folder/new":                    {o: paradise.StoreOptions{SizeHint: 1 << 60}, want: paradise.ErrNoSpace},
		"/folder/" + "../folder/../file": {o: paradise.StoreOptions{Exclusive: true}, want: fs.ErrExist},
	} {
		_, err := d.Store(ctx, session, name, rule.o)
		assert.ErrorIs(t, err, rule.want, name)
	}
}

func TestReplacedFileHandsItsModeOn(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		put(t, dir, "f", "old")
		require.NoError(t, os.Chmod(filepath.Join(dir, "f"), 0o640))
		store(t, d, "/f", "new", paradise.StoreOptions{})
		fi, err := os.Stat(filepath.Join(dir, "f"))
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o640), fi.Mode())
	})
}

func TestReplacedFileHandsItsOwnerOn(t *testing.T) {
	needs.Root(t, "giving files away")
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		put(t, dir, "f", "old")
		require.NoError(t, os.Chown(filepath.Join(dir, "f"), 1234, 4321))
		store(t, d, "/f", "new", paradise.StoreOptions{})
		fi, err := os.Stat(filepath.Join(dir, "f"))
		require.NoError(t, err)
		assert.Equal(t, []uint32{1234, 4321}, []uint32{infoOf(fi).uid, infoOf(fi).gid})
	})
}

func TestNewFileHasFileModeLessUmask(t *testing.T) {
	eachKind(t, Options{FileMode: 0o640}, func(t *testing.T, d *Driver, dir string) {
		store(t, d, "/f", "new", paradise.StoreOptions{})
		fi, err := os.Stat(filepath.Join(dir, "f"))
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o640), fi.Mode())
	})
}

func TestWriteEndsWithItsContext(t *testing.T) {
	d, _ := open(t, Options{})
	dying, kill := context.WithCancelCause(ctx)
	u, err := d.Store(dying, session, "/f", paradise.StoreOptions{})
	require.NoError(t, err)
	require.NoError(t, u.Begin(dying, paradise.UploadInfo{}))
	kill(paradise.ErrStalled)
	_, err = u.Write([]byte("x"))
	require.ErrorIs(t, err, paradise.ErrStalled)
	u.Abort(ctx, err)
}

func TestUploadThroughLinkWritesTheFileInside(t *testing.T) {
	d, dir := open(t, Options{})
	put(t, dir, "real/f", "old")
	require.NoError(t, os.Symlink("real/f", filepath.Join(dir, "link")))
	store(t, d, "/link", "new", paradise.StoreOptions{})
	assert.Equal(t, "new", get(t, dir, "real/f"))
	target, err := os.Readlink(filepath.Join(dir, "link"))
	require.NoError(t, err)
	assert.Equal(t, "real/f", filepath.ToSlash(target))
}

func TestUploadMayEndAfterClose(t *testing.T) {
	for kind, named := range kinds {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			d, err := Open(dir, Options{})
			require.NoError(t, err)
			d.at.Load().named.Store(named)
			put(t, dir, "sub/f", "old")
			u := begin(t, d, "/sub/f", "new", paradise.StoreOptions{})
			require.NoError(t, d.Close())
			require.NoError(t, u.Commit(ctx))
			assert.Equal(t, "new", get(t, dir, "sub/f"))
			assert.Empty(t, leftovers(t, dir))
		})
	}
}

func TestCopyIsATransaction(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		put(t, dir, "from", "content")
		put(t, dir, "to", "old")
		require.NoError(t, d.Copy(ctx, session, "/from", "/to", paradise.CopyOptions{}))
		assert.Equal(t, "content", get(t, dir, "to"))
		assert.ErrorIs(t, d.Copy(ctx, session, "/none", "/to", paradise.CopyOptions{}), fs.ErrNotExist)
		assert.ErrorIs(t, d.Copy(ctx, session, "/", "/to", paradise.CopyOptions{}), paradise.ErrIsDir)

		dead, cancel := context.WithCancel(ctx)
		cancel()
		assert.ErrorIs(t, d.Copy(dead, session, "/from", "/to", paradise.CopyOptions{}), context.Canceled)
		assert.Equal(t, "content", get(t, dir, "to"))
		assert.Empty(t, parts(t, dir))
	})
}

func TestErrorsKeepTheOriginal(t *testing.T) {
	d, _ := open(t, Options{})
	_, err := d.Open(ctx, session, "/none", 0)
	pe, ok := errors.AsType[*fs.PathError](err)
	require.True(t, ok)
	assert.Equal(t, "none", pe.Path)
}
