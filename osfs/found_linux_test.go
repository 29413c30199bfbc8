package osfs

import (
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

// departures are ways in which "a/b" leaves the served folder, as other programs do it.
// parent is the folder around the served one.
var departures = map[string]func(p string) error{
	"moved out":      func(p string) error { return os.Rename(p+"/served/a/b", p+"/away") },
	"moved out with": func(p string) error { return os.Rename(p+"/served/a", p+"/away") },
	"moved out, another in its place": func(p string) error {
		return joined(os.Rename(p+"/served/a/b", p+"/away"), os.Mkdir(p+"/served/a/b", 0o755))
	},
	"moved out, a link to it left": func(p string) error {
		return joined(os.Rename(p+"/served/a/b", p+"/away"), os.Symlink(p+"/away", p+"/served/a/b"))
	},
	"renamed, then moved out with": func(p string) error {
		return joined(os.Rename(p+"/served/a/b", p+"/served/a/c"), os.Rename(p+"/served/a", p+"/away"))
	},
	"removed":               func(p string) error { return os.RemoveAll(p + "/served/a/b") },
	"removed and made anew": func(p string) error { return joined(os.RemoveAll(p+"/served/a/b"), os.Mkdir(p+"/served/a/b", 0o755)) },
}

// storing are the ways in which an upload is published.
var storing = map[string]struct {
	Options
	named bool
	so    paradise.StoreOptions
	base  string
}{
	"new":       {base: "f"},
	"named":     {base: "f", named: true},
	"replacing": {base: "old"},
	"exclusive": {base: "f", so: paradise.StoreOptions{Exclusive: true}},
	"existing":  {base: "old", so: paradise.StoreOptions{Existing: true}},
	"append":    {base: "old", so: paradise.StoreOptions{Append: true}},
	"first":     {base: "f", so: paradise.StoreOptions{Append: true}},
	"resume":    {base: "old", so: paradise.StoreOptions{Offset: 2}},
	"in place":  {base: "old", so: paradise.StoreOptions{Append: true}, Options: Options{InPlaceResume: true}},
	"durable":   {base: "f", Options: Options{Durable: true}},
}

// everything lists the names below a folder, but for links.
func everything(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		found = append(found, e.Name())
		if e.IsDir() {
			found = append(found, everything(t, dir+"/"+e.Name())...)
		}
	}
	return found
}

func TestNoUploadIsPublishedIntoAFolderThatHasLeft(t *testing.T) {
	for way, leave := range departures {
		for how, c := range storing {
			t.Run(way+", "+how, func(t *testing.T) {
				d, parent, _ := within(t, c.Options)
				put(t, parent, "served/a/b/old", "old")
				d.at.Load().named.Store(c.named || d.at.Load().named.Load())
				u := begin(t, d, "/a/b/"+c.base, "new", c.so)
				require.NoError(t, leave(parent))
				err := u.Commit(ctx)
				unavailable(t, err)
				u.Abort(ctx, err)
				require.NoError(t, d.Close())
				assert.NotContains(t, everything(t, parent), "f")
				for _, name := range []string{"/away/old", "/away/b/old", "/away/c/old"} {
					if kept, err := os.ReadFile(parent + name); err == nil {
						assert.Equal(t, "old", string(kept))
					}
				}
				assert.Empty(t, leftovers(t, parent))
			})
		}
	}
}

func TestAnUploadIsWhereRenamesHavePutItsFolder(t *testing.T) {
	for way, c := range map[string]struct {
		rename func(dir string) error
		at     string
	}{
		"renamed":           {func(dir string) error { return os.Rename(dir+"/a/b", dir+"/a/c") }, "a/c"},
		"renamed with":      {func(dir string) error { return os.Rename(dir+"/a", dir+"/c") }, "c/b"},
		"moved up":          {func(dir string) error { return os.Rename(dir+"/a/b", dir+"/b") }, "b"},
		"moved down":        {func(dir string) error { return os.Rename(dir+"/a", dir+"/d/a") }, "d/a/b"},
		"another its place": {func(dir string) error { return joined(os.Rename(dir+"/a", dir+"/c"), os.MkdirAll(dir+"/a/b", 0o755)) }, "c/b"},
		"a file its place": {func(dir string) error {
			return joined(os.Rename(dir+"/a", dir+"/c"), os.WriteFile(dir+"/a", nil, 0o644))
		}, "c/b"},
		"not at all": {func(string) error { return nil }, "a/b"},
	} {
		for how, s := range storing {
			t.Run(way+", "+how, func(t *testing.T) {
				d, dir := open(t, s.Options)
				put(t, dir, "a/b/old", "old")
				require.NoError(t, os.Mkdir(dir+"/d", 0o755))
				d.at.Load().named.Store(s.named || d.at.Load().named.Load())
				u := begin(t, d, "/a/b/"+s.base, "new", s.so)
				require.NoError(t, c.rename(dir))
				require.NoError(t, u.Commit(ctx))
				assert.True(t, strings.HasSuffix(get(t, dir, c.at+"/"+s.base), "new"))
			})
		}
	}
}

// A folder is below the served one by any way that os.Root has found.
func TestFoldersAreFoundByLinksAndMountsToo(t *testing.T) {
	d, dir := open(t, Options{})
	put(t, dir, "a/b/old", "old")
	require.NoError(t, os.Symlink("a/b", dir+"/link"))
	require.NoError(t, os.Symlink("../..", dir+"/a/b/top"))
	for _, name := range []string{"/link", "/a/b/top", "/a/b/top/link", "/link/top/a"} {
		store(t, d, name+"/f", "x", paradise.StoreOptions{})
		assert.Equal(t, "x", get(t, dir, name+"/f"))
	}
	deep := strings.Repeat("/d", 300)
	for i := 2; i <= len(deep); i += 2 {
		require.NoError(t, d.Mkdir(ctx, session, deep[:i]))
	}
	store(t, d, deep+"/f", "x", paradise.StoreOptions{})

	needs.Tmpfs(t, dir+"/a")
	require.NoError(t, os.MkdirAll(dir+"/a/b/c", 0o755))
	u := begin(t, d, "/link/c/f", "x", paradise.StoreOptions{})
	store(t, d, "/link/c/g", "x", paradise.StoreOptions{})
	require.NoError(t, os.Rename(dir+"/a/b/c", dir+"/a/c"))
	require.NoError(t, u.Commit(ctx))
	assert.Equal(t, "x", get(t, dir, "a/c/f"))
}

func TestAFileSystemMountedOverAFolderAbove(t *testing.T) {
	for _, anew := range []bool{false, true} {
		d, dir := open(t, Options{})
		require.NoError(t, os.MkdirAll(dir+"/a/b", 0o755))
		u := begin(t, d, "/a/b/f", "x", paradise.StoreOptions{})
		needs.Tmpfs(t, dir+"/a")
		if anew {
			require.NoError(t, os.Mkdir(dir+"/a/b", 0o755))
		}
		err := u.Commit(ctx)
		unavailable(t, err)
		u.Abort(ctx, err)
		require.NoError(t, unix.Unmount(dir+"/a", unix.MNT_DETACH))
		assert.NoFileExists(t, dir+"/a/b/f")
	}
}

func TestAFileSystemThatIsUnmountedIsNotBelow(t *testing.T) {
	d, dir := open(t, Options{})
	require.NoError(t, os.Mkdir(dir+"/a", 0o755))
	needs.Tmpfs(t, dir+"/a")
	require.NoError(t, os.Mkdir(dir+"/a/b", 0o755))
	u := begin(t, d, "/a/b/f", "x", paradise.StoreOptions{})
	require.NoError(t, unix.Unmount(dir+"/a", unix.MNT_DETACH))
	err := u.Commit(ctx)
	unavailable(t, err)
	u.Abort(ctx, err)
}

// Where this process may not look, nothing shows that the folder is still ours.
func TestAFolderThatWentWhereNobodyMayLook(t *testing.T) {
	d, parent, _ := within(t, Options{})
	require.NoError(t, os.Chmod(parent, 0o755))
	require.NoError(t, os.Mkdir(parent+"/served/a", 0o777))
	require.NoError(t, os.Chmod(parent+"/served/a", 0o777))
	require.NoError(t, os.Mkdir(parent+"/closed", 0o700))
	u := begin(t, d, "/a/f", "x", paradise.StoreOptions{})
	require.NoError(t, os.Rename(parent+"/served/a", parent+"/closed/a"))
	var err error
	asNobody(t, func() { err = u.Commit(ctx) })
	unavailable(t, err)
	u.Abort(ctx, err)
	assert.NoFileExists(t, parent+"/closed/a/f")
}

// A move to another disk takes as long as its file is large.
func TestNothingIsMovedOutOfOrIntoAFolderThatLeftMeanwhile(t *testing.T) {
	for _, names := range [][2]string{{"/a/b/old", "/disk/got"}, {"/a/b/link", "/disk/got"}, {"/disk/mine", "/a/b/got"}, {"/disk/link", "/a/b/got"}} {
		t.Run(names[0], func(t *testing.T) {
			d, parent, _ := within(t, Options{})
			for _, dir := range []string{"/served/a/b", "/served/disk"} {
				require.NoError(t, os.MkdirAll(parent+dir, 0o755))
			}
			needs.Tmpfs(t, parent+"/served/disk")
			for _, dir := range []string{"/served/a/b", "/served/disk"} {
				put(t, parent, dir+"/old", "old")
				put(t, parent, dir+"/mine", "mine")
				require.NoError(t, os.Symlink("old", parent+dir+"/link"))
			}
			leave := sync.OnceFunc(func() { require.NoError(t, os.Rename(parent+"/served/a/b", parent+"/away")) })
			unavailable(t, d.Rename(&stepContext{Context: ctx, step: leave}, session, names[0], names[1], paradise.RenameOptions{}))
			assert.Len(t, everything(t, parent+"/away"), 3)
			assert.Len(t, everything(t, parent+"/served/disk"), 3)
		})
	}
}

// Who waits for a folder looks again when its turn has come.
func TestNothingIsChangedInAFolderThatLeftMeanwhile(t *testing.T) {
	for what, change := range map[string]func(d *Driver) error{
		"removal":          func(d *Driver) error { return d.Remove(ctx, session, "/a/b/old") },
		"rename":           func(d *Driver) error { return rename(d, "/a/b/old", "/got") },
		"rename into":      func(d *Driver) error { return rename(d, "/mine", "/a/b/mine") },
		"rename of folder": func(d *Driver) error { return rename(d, "/a/b/sub", "/got") },
		"copy": func(d *Driver) error {
			return d.Copy(ctx, session, "/a/b/old", "/got", paradise.CopyOptions{})
		},
		"copy into": func(d *Driver) error {
			return d.Copy(ctx, session, "/mine", "/a/b/mine", paradise.CopyOptions{})
		},
	} {
		t.Run(what, func(t *testing.T) {
			d, parent, _ := within(t, Options{})
			put(t, parent, "served/a/b/old", "old")
			put(t, parent, "served/a/b/sub/f", "x")
			put(t, parent, "served/mine", "mine")
			synctest.Test(t, func(t *testing.T) {
				held, _, err := d.at.Load().parent("/a/b/old")
				require.NoError(t, err)
				defer held.close()
				l, err := held.lock(true, false)
				require.NoError(t, err)
				done := make(chan error, 1)
				go func() { done <- change(d) }()
				synctest.Wait() // it waits for the folder
				require.NoError(t, os.Rename(parent+"/served/a/b", parent+"/away"))
				l.unlock()
				unavailable(t, <-done)
			})
			assert.Equal(t, "old", get(t, parent, "away/old"))
			assert.Equal(t, "x", get(t, parent, "away/sub/f"))
			assert.Equal(t, "mine", get(t, parent, "served/mine"))
			assert.NotContains(t, everything(t, parent), "got")
			assert.NoFileExists(t, parent+"/away/mine")
		})
	}
}
