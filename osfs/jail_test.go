//go:build unix

package osfs

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// jail is a served folder beside a secret, with links that lead to it.
func jail(t *testing.T) (d *Driver, base string) {
	base = t.TempDir()
	put(t, base, "secret/f", "secret")
	put(t, base, "served/sub/f", "fine")
	served := filepath.Join(base, "served")
	for name, target := range map[string]string{
		"absolute":     filepath.Join(base, "secret"),
		"relative":     "../secret",
		"absoluteFile": filepath.Join(base, "secret/f"),
		"relativeFile": "../secret/f",
		"sub/deep":     "../../secret",
		"chain":        "relative",
		"loop":         "loop",
		"dangling":     "../nothing",
		"inside":       "sub",
		"insideFile":   "sub/f",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(served, name)))
	}
	d, err := Open(served, Options{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, d.Close())
		assert.Equal(t, "secret", get(t, base, "secret/f"))
		entries, err := os.ReadDir(filepath.Join(base, "secret"))
		require.NoError(t, err)
		assert.Len(t, entries, 1)
		fi, err := os.Stat(filepath.Join(base, "secret/f"))
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o644), fi.Mode())
	})
	return d, base
}

func TestNothingOutsideIsReached(t *testing.T) {
	d, _ := jail(t)
	for _, name := range []string{
		"/../secret/f", "../secret/f", "/sub/../../secret/f", "/absolute/f", "/relative/f", "/absoluteFile",
		"/relativeFile", "/sub/deep/f", "/chain/f", "/chain/", "/relativeFile/", "/loop", "/loop/f", "/dangling",
		"/absolute/new", "/relative/new", "/chain/new",
	} {
		for verb, try := range map[string]func() error{
			"Stat":     func() error { _, err := d.Stat(ctx, session, name); return err },
			"Open":     func() error { _, err := d.Open(ctx, session, name, 0); return err },
			"Store":    func() error { _, err := d.Store(ctx, session, name, paradise.StoreOptions{}); return err },
			"SetAttr":  func() error { return d.SetAttr(ctx, session, name, paradise.Attr{SetMode: true, Mode: 0o777}) },
			"List":     func() error { _, err := d.List(ctx, session, name); return err },
			"CopyFrom": func() error { return d.Copy(ctx, session, name, "/copy", paradise.CopyOptions{}) },
			"Space":    func() error { _, err := d.Space(ctx, session, name); return err },
		} {
			assert.Error(t, try(), "%s %s", verb, name)
		}
	}
	for _, name := range []string{"/../secret/f", "/absolute/f", "/relative/f", "/sub/deep/f", "/chain/f"} {
		assert.Error(t, d.Remove(ctx, session, name), name)
		assert.Error(t, d.RemoveDir(ctx, session, name), name)
		assert.Error(t, d.Rename(ctx, session, name, "/stolen", paradise.RenameOptions{}), name)
		assert.Error(t, d.Rename(ctx, session, "/sub/f", name, paradise.RenameOptions{}), name)
		assert.Error(t, d.Mkdir(ctx, session, name+"/new"), name)
	}
}

func TestEscapesAreRefusedAsPermission(t *testing.T) {
	d, _ := jail(t)
	_, err := d.Open(ctx, session, "/relative/f", 0)
	assert.ErrorIs(t, err, fs.ErrPermission)
	_, err = d.Stat(ctx, session, "/absolute")
	assert.ErrorIs(t, err, fs.ErrPermission)
	_, err = d.Stat(ctx, session, "/loop")
	assert.ErrorIs(t, err, fs.ErrPermission)
}

func TestLinksInsideAreFollowed(t *testing.T) {
	d, _ := jail(t)
	for _, name := range []string{"/inside/f", "/insideFile", "/inside/../insideFile"} {
		f, err := d.Open(ctx, session, name, 1)
		require.NoError(t, err, name)
		b, err := io.ReadAll(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		assert.Equal(t, "ine", string(b))
	}
}

func TestRemoveOfALinkRemovesTheLink(t *testing.T) {
	d, base := jail(t)
	require.NoError(t, d.Remove(ctx, session, "/absoluteFile"))
	assert.NoFileExists(t, filepath.Join(base, "served/absoluteFile"))
}

func TestRacingLinkSwapperNeverLetsOut(t *testing.T) {
	d, base := jail(t)
	served := filepath.Join(base, "served")
	require.NoError(t, os.Mkdir(filepath.Join(served, "folder"), 0o755))
	put(t, served, "folder/f", "fine")
	require.NoError(t, os.Symlink("../secret", filepath.Join(served, "evil")))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		at := func(name string) string { return filepath.Join(served, name) }
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Rename(at("folder"), at("aside"))
			_ = os.Rename(at("evil"), at("folder"))
			_ = os.Rename(at("folder"), at("evil"))
			_ = os.Rename(at("aside"), at("folder"))
		}
	}()
	const tries = 3000
	for range tries {
		if f, err := d.Open(ctx, session, "/folder/f", 0); err == nil {
			b, err := io.ReadAll(f)
			require.NoError(t, err)
			require.NoError(t, f.Close())
			require.Equal(t, "fine", string(b))
		}
		if u, err := d.Store(ctx, session, "/folder/new", paradise.StoreOptions{}); err == nil {
			if err := u.Commit(ctx); err != nil {
				u.Abort(ctx, err)
			}
		}
		_ = d.Mkdir(ctx, session, "/folder/made")
	}
	close(stop)
	<-done
}

func TestSpecialFilesAreRefusedWithoutWaiting(t *testing.T) {
	d, dir := open(t, Options{InPlaceResume: true})
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o666))
	require.NoError(t, os.Symlink("fifo", filepath.Join(dir, "link")))
	for _, name := range []string{"/fifo", "/link"} {
		_, err := d.Open(ctx, session, name, 0)
		assert.ErrorIs(t, err, fs.ErrPermission, name)
		_, err = d.Store(ctx, session, name, paradise.StoreOptions{})
		assert.ErrorIs(t, err, fs.ErrPermission, name)
		_, err = d.Store(ctx, session, name, paradise.StoreOptions{Append: true})
		assert.ErrorIs(t, err, fs.ErrPermission, name)
		assert.ErrorIs(t, d.Copy(ctx, session, name, "/copy", paradise.CopyOptions{}), fs.ErrPermission, name)
	}
	_, err := d.List(ctx, session, "/fifo")
	assert.ErrorIs(t, err, paradise.ErrNotDir)
	e, err := d.Stat(ctx, session, "/fifo")
	require.NoError(t, err)
	assert.Equal(t, fs.ModeNamedPipe, e.Mode.Type())
}

func TestOpenReturnsABlockingPlainFile(t *testing.T) {
	d, dir := open(t, Options{})
	put(t, dir, "f", "x")
	require.NoError(t, os.Symlink("f", filepath.Join(dir, "link")))
	for _, name := range []string{"/f", "/link"} {
		r, err := d.Open(ctx, session, name, 0)
		require.NoError(t, err)
		f, ok := r.(*os.File)
		require.True(t, ok, "sendfile needs it")
		raw, err := f.SyscallConn()
		require.NoError(t, err)
		require.NoError(t, raw.Control(func(fd uintptr) {
			flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
			assert.Zero(t, errno)
			assert.Zero(t, flags&syscall.O_NONBLOCK)
		}))
		require.NoError(t, f.Close())
	}
}
