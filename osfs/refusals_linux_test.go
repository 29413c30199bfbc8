package osfs

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

// operations are all that a driver does with a name.
func operations(d *Driver, name string) map[string]func() error {
	return map[string]func() error{
		"Stat":  func() error { _, err := d.Stat(ctx, session, name); return err },
		"List":  func() error { _, err := d.List(ctx, session, name); return err },
		"Open":  func() error { _, err := d.Open(ctx, session, name, 0); return err },
		"Space": func() error { _, err := d.Space(ctx, session, name); return err },
		"Store": func() error { _, err := d.Store(ctx, session, name, paradise.StoreOptions{}); return err },
		"Append": func() error {
			_, err := d.Store(ctx, session, name, paradise.StoreOptions{Append: true})
			return err
		},
		"Mkdir":       func() error { return d.Mkdir(ctx, session, name) },
		"Remove":      func() error { return d.Remove(ctx, session, name) },
		"RemoveDir":   func() error { return d.RemoveDir(ctx, session, name) },
		"Rename from": func() error { return d.Rename(ctx, session, name, "/new", paradise.RenameOptions{}) },
		"Rename to":   func() error { return d.Rename(ctx, session, "/f", name, paradise.RenameOptions{}) },
		"Copy from":   func() error { return d.Copy(ctx, session, name, "/new", paradise.CopyOptions{}) },
		"Copy to":     func() error { return d.Copy(ctx, session, "/f", name, paradise.CopyOptions{}) },
		"SetAttr":     func() error { return d.SetAttr(ctx, session, name, paradise.Attr{ModTime: time.Now()}) },
		"SetMode":     func() error { return d.SetAttr(ctx, session, name, paradise.Attr{SetMode: true, Mode: 0o600}) },
	}
}

func TestEveryOperationSaysWhyANameWillNotDo(t *testing.T) {
	for what, c := range map[string]struct {
		name string
		want error
	}{
		"too long":                {"/" + strings.Repeat("n", 256), paradise.ErrBadName},
		"too long below a folder": {"/d/" + strings.Repeat("n", 256), paradise.ErrBadName},
		"a path too long":         {"/" + strings.Repeat("n/", 3000) + "f", nil},
		"below too long a folder": {"/" + strings.Repeat("n", 256) + "/f", paradise.ErrBadName},
		"below a loop of links":   {"/loop/f", fs.ErrPermission},
		"below a link out":        {"/out/f", fs.ErrPermission},
		"below a file":            {"/f/x", paradise.ErrNotDir},
		"below nothing":           {"/none/f", fs.ErrNotExist},
		"reserved":                {"/.paradise-x", paradise.ErrBadName},
		"with a NUL":              {"/a\x00b", paradise.ErrBadName},
	} {
		d, dir := open(t, Options{})
		put(t, dir, "f", "x")
		put(t, dir, "d/f", "x")
		require.NoError(t, os.Symlink("loop2", dir+"/loop"))
		require.NoError(t, os.Symlink("loop", dir+"/loop2"))
		require.NoError(t, os.Symlink(t.TempDir(), dir+"/out"))
		for op, do := range operations(d, c.name) {
			err := do()
			if c.want == nil { // which of them it is the path's first folder decides
				require.Error(t, err, "%s: %s", op, what)
				continue
			}
			assert.ErrorIs(t, err, c.want, "%s: %s", op, what)
		}
		assert.Equal(t, "x", get(t, dir, "f"))
	}
}

func TestEveryChangeOfAReadOnlyFileSystemIsRefusedForGood(t *testing.T) {
	d, dir := open(t, Options{})
	needs.Tmpfs(t, dir)
	put(t, dir, "f", "x")
	put(t, dir, "g", "x")
	require.NoError(t, os.Mkdir(dir+"/d", 0o755))
	require.NoError(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	for op, name := range map[string]string{
		"Store": "/new", "Append": "/f", "Mkdir": "/new", "Remove": "/f", "RemoveDir": "/d", "Rename from": "/f",
		"Rename to": "/g", "Copy to": "/g", "SetAttr": "/f", "SetMode": "/f",
	} {
		assert.ErrorIs(t, operations(d, name)[op](), fs.ErrPermission, op)
	}
	for op, name := range map[string]string{"Stat": "/f", "Space": "/"} {
		assert.NoError(t, operations(d, name)[op](), op)
	}
}
