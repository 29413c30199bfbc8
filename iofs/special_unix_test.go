//go:build unix

package iofs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/iofs"
)

func TestAPipeIsRefusedAndNotWaitedFor(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600))
	d := iofs.New(os.DirFS(root))
	_, err := d.Open(t.Context(), asker, "/pipe", 0)
	assert.ErrorIs(t, err, fs.ErrPermission)
	_, err = d.List(t.Context(), asker, "/pipe")
	assert.ErrorIs(t, err, paradise.ErrNotDir)
}

func TestLinksAreFollowedByStatAndShownByList(t *testing.T) {
	root := dir(t, map[string]string{"/f": "0123456789"})
	require.NoError(t, os.Symlink("f", filepath.Join(root, "link")))
	d := iofs.New(os.DirFS(root))

	e, err := d.Stat(t.Context(), asker, "/link")
	require.NoError(t, err)
	assert.Equal(t, "link", e.Name)
	assert.Equal(t, int64(10), e.Size)
	assert.True(t, e.Mode.IsRegular())

	l, err := d.List(t.Context(), asker, "/")
	require.NoError(t, err)
	targets := make(map[string]string)
	for e, err := range l {
		require.NoError(t, err)
		targets[e.Name] = e.Target
	}
	assert.Equal(t, map[string]string{"f": "", "link": "f"}, targets)
}
