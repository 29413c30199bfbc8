package osfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

// twoDisks serves a folder with another file system below, "disk".
func twoDisks(t *testing.T, o Options) (*Driver, string) {
	d, dir := open(t, o)
	require.NoError(t, os.Mkdir(dir+"/disk", 0o755))
	needs.Tmpfs(t, dir+"/disk")
	return d, dir
}

func rename(d *Driver, from, to string) error {
	return d.Rename(ctx, session, from, to, paradise.RenameOptions{})
}

func wantReply(t *testing.T, code int, err error) {
	t.Helper()
	r, ok := errors.AsType[*paradise.ReplyError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, code, r.Code, "%v", err)
}

func TestAFileIsMovedToAnotherFileSystem(t *testing.T) {
	for name, o := range map[string]Options{"default": {}, "durable": {Durable: true}} {
		t.Run(name, func(t *testing.T) {
			d, dir := twoDisks(t, o)
			at := time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC)
			for _, to := range []string{"/disk/f", "/disk/old", "/disk/empty"} {
				content := strings.Repeat("x", 100_000)
				if to == "/disk/empty" {
					content = ""
				}
				put(t, dir, "f", content)
				put(t, dir, "disk/old", "old")
				require.NoError(t, os.Chmod(dir+"/f", 0o640))
				require.NoError(t, os.Chown(dir+"/f", 1234, 4321))
				require.NoError(t, os.Chtimes(dir+"/f", at, at))
				w := watching(t, dir+"/disk")
				require.NoError(t, rename(d, "/f", to))
				assert.Equal(t, []string{"MOVED_TO"}, of(filepath.Base(to), w.events()))
				assert.Equal(t, content, get(t, dir, to))
				assert.NoFileExists(t, dir+"/f")
				fi, err := os.Stat(dir + to)
				require.NoError(t, err)
				assert.Equal(t, fs.FileMode(0o640), fi.Mode())
				assert.True(t, at.Equal(fi.ModTime()), fi.ModTime())
				assert.EqualValues(t, []uint32{1234, 4321}, []uint32{infoOf(fi).uid, infoOf(fi).gid})
			}
			require.NoError(t, rename(d, "/disk/f", "/back"), "and back")
			assert.FileExists(t, dir+"/back")
		})
	}
}

func TestALinkIsMovedToAnotherFileSystemAsALink(t *testing.T) {
	d, dir := twoDisks(t, Options{})
	put(t, dir, "f", "x")
	for _, text := range []string{"f", "nowhere", "/etc/passwd"} {
		require.NoError(t, os.Symlink(text, dir+"/link"))
		put(t, dir, "disk/link", "old")
		require.NoError(t, rename(d, "/link", "/disk/link"))
		got, err := os.Readlink(dir + "/disk/link")
		require.NoError(t, err)
		assert.Equal(t, text, got)
		_, err = os.Lstat(dir + "/link")
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.NoError(t, os.Remove(dir+"/disk/link"))
	}
	assert.Equal(t, "x", get(t, dir, "f"))
}

func TestAMoveMayHaveToLeaveTheNameAlone(t *testing.T) {
	d, dir := twoDisks(t, Options{})
	put(t, dir, "f", "x")
	put(t, dir, "disk/f", "old")
	require.NoError(t, os.Symlink("f", dir+"/link"))
	alone := paradise.RenameOptions{NoReplace: true}
	for _, from := range []string{"/f", "/link"} {
		require.ErrorIs(t, d.Rename(ctx, session, from, "/disk/f", alone), fs.ErrExist)
		require.NoError(t, d.Rename(ctx, session, from, "/disk"+from+"-moved", alone))
	}
	assert.Equal(t, "old", get(t, dir, "disk/f"))
	assert.Equal(t, "x", get(t, dir, "disk/f-moved"))
}

func TestWhatCannotBeMovedToAnotherFileSystemIsRefusedForGood(t *testing.T) {
	d, dir := twoDisks(t, Options{})
	put(t, dir, "d/f", "x")
	put(t, dir, "f", "x")
	require.NoError(t, unix.Mkfifo(dir+"/pipe", 0o644))
	require.NoError(t, os.Mkdir(dir+"/disk/d", 0o755))
	wantReply(t, 550, rename(d, "/d", "/disk/e"))
	wantReply(t, 550, rename(d, "/d", "/disk/d"))
	wantReply(t, 550, rename(d, "/pipe", "/disk/pipe"))
	wantReply(t, 550, rename(d, "/disk", "/moved"))
	wantReply(t, 550, d.RemoveDir(ctx, session, "/disk"))
	require.ErrorIs(t, rename(d, "/f", "/disk/d"), fs.ErrExist)
	require.ErrorIs(t, rename(d, "/f", "/disk/none/f"), fs.ErrNotExist)
	require.ErrorIs(t, rename(d, "/f", "/disk/"+strings.Repeat("n", 256)), paradise.ErrBadName)
	assert.Equal(t, "x", get(t, dir, "d/f"))

	put(t, dir, "large", strings.Repeat("x", 5<<20))
	require.ErrorIs(t, rename(d, "/large", "/disk/large"), paradise.ErrNoSpace)
	assert.NoFileExists(t, dir+"/disk/large")
	put(t, dir, "disk/f", "old")
	require.NoError(t, unix.Mount("", dir+"/disk", "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	require.ErrorIs(t, rename(d, "/f", "/disk/f"), fs.ErrPermission)
	require.ErrorIs(t, rename(d, "/disk/f", "/g"), fs.ErrPermission)
	assert.NoFileExists(t, dir+"/g", "no copy is left where the old name would stay")
	assert.Equal(t, "x", get(t, dir, "f"))
}

// A folder that is mounted twice has files that are their own other name.
func TestAFileIsNotMovedOntoItself(t *testing.T) {
	d, dir := open(t, Options{})
	require.NoError(t, os.Mkdir(dir+"/twice", 0o755))
	needs.Tmpfs(t, dir+"/twice") // so that it goes with the test
	put(t, dir, "a/f", "x")
	require.NoError(t, unix.Mount(dir+"/a", dir+"/twice", "", unix.MS_BIND, ""))
	t.Cleanup(func() { _ = unix.Unmount(dir+"/twice", unix.MNT_DETACH) })
	require.NoError(t, rename(d, "/a/f", "/twice/f"))
	assert.Equal(t, "x", get(t, dir, "a/f"))
	require.NoError(t, rename(d, "/a/f", "/twice/g"))
	assert.Equal(t, "x", get(t, dir, "a/g"))
	assert.NoFileExists(t, dir+"/a/f")
}

// moveWithin makes a move inside one file system, which keeps the same rules: that
// needs no root. step comes before each step.
func moveWithin(c context.Context, d *Driver, from, to string, step func()) error {
	f := d.at.Load()
	old, err := f.top.lstat(from)
	if err != nil {
		return err
	}
	m := &move{f, spot{f.top, ".", from}, spot{f.top, ".", to}, old, paradise.RenameOptions{}}
	return m.run(&stepContext{Context: c, step: step}, unix.EXDEV)
}

// stepContext calls step whenever it is asked whether it has ended.
type stepContext struct {
	context.Context
	step func()
}

func (c *stepContext) Err() error {
	c.step()
	return c.Context.Err()
}

func TestASourceThatChangesMeanwhileStays(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		for _, change := range []func(){
			func() { store(t, d, "/f", "newer", paradise.StoreOptions{}) },
			func() { store(t, d, "/f", " and more", paradise.StoreOptions{Append: true}) },
			func() { require.NoError(t, os.Remove(dir+"/f")) },
		} {
			put(t, dir, "f", "x")
			put(t, dir, "g", "old")
			steps := 0
			err := moveWithin(ctx, d, "f", "g", func() {
				if steps++; steps == 2 { // the first comes before it is opened
					change()
				}
			})
			require.ErrorIs(t, err, paradise.ErrBusy)
			assert.Equal(t, "old", get(t, dir, "g"))
		}
		put(t, dir, "f", "x")
		require.NoError(t, moveWithin(ctx, d, "f", "g", func() {}))
		assert.Equal(t, "x", get(t, dir, "g"))
		assert.NoFileExists(t, dir+"/f")
	})
}

func TestAMoveThatIsAbortedChangesNothing(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		put(t, dir, "f", "x")
		put(t, dir, "g", "old")
		for stop := range 3 {
			ended, cancel := context.WithCancelCause(ctx)
			steps := 0
			require.ErrorIs(t, moveWithin(ended, d, "f", "g", func() {
				if steps++; steps > stop {
					cancel(paradise.ErrAborted)
				}
			}), paradise.ErrAborted)
			assert.Equal(t, "x", get(t, dir, "f"))
			assert.Equal(t, "old", get(t, dir, "g"))
			assert.Empty(t, parts(t, dir))
		}
	})
}
