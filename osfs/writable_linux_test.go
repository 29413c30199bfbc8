package osfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/paradiseftp/paradise"
)

// The rights of a folder let anybody replace what lies in it. A file that may
// not be written is not replaced all the same: other servers write into it.
func TestAProtectedFileIsNotReplaced(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		put(t, dir, "f", "old")
		require.NoError(t, os.Chmod(filepath.Join(dir, "f"), 0o444))
		for _, o := range []paradise.StoreOptions{{}, {Offset: 1}, {Append: true}} {
			var err error
			asNobody(t, func() { _, err = d.Store(ctx, session, "/f", o) })
			require.ErrorIs(t, err, fs.ErrPermission)
		}
		assert.Equal(t, "old", get(t, dir, "f"))
		assert.Empty(t, parts(t, dir))
	})
}

// asNobody runs f on a thread without root's rights over files.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		var err error
		if os.Geteuid() == 0 {
			_, err = unix.SetfsuidRetUid(65534)
		}
		f()
		done <- err
	}()
	require.NoError(t, <-done)
}
