package osfs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

func homes(t *testing.T, o HomesOptions) (*Homes, string) {
	dir := t.TempDir()
	h, err := OpenHomes(dir, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, h.Close())
		assert.Empty(t, leftovers(t, dir))
	})
	return h, dir
}

func visitor(name string) *paradise.Session {
	return &paradise.Session{User: paradise.User{Name: name}}
}

func TestEachUserHasAHomeOfItsOwn(t *testing.T) {
	h, dir := homes(t, HomesOptions{})
	for _, name := range []string{"ann", "bob"} {
		u, err := h.Store(ctx, visitor(name), "/f", paradise.StoreOptions{})
		require.NoError(t, err)
		_, err = u.Write([]byte(name))
		require.NoError(t, err)
		require.NoError(t, u.Commit(ctx))
	}
	assert.Equal(t, "ann", get(t, dir, "ann/f"))
	assert.Equal(t, "bob", get(t, dir, "bob/f"))
	_, err := h.Stat(ctx, visitor("ann"), "/../bob/f")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	fi, err := os.Stat(filepath.Join(dir, "ann"))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o700), fi.Mode().Perm())
}

func TestHomesRefuseNamesThatAreNotOneCleanElement(t *testing.T) {
	h, dir := homes(t, HomesOptions{})
	put(t, dir, "file", "x")
	require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(dir, "out")))
	for _, name := range []string{"", ".", "..", "a/b", "/a", "a/", `a\b`, "a\x00b", ".paradise-x", "out"} {
		_, err := h.Stat(ctx, visitor(name), "/")
		assert.ErrorIs(t, err, fs.ErrPermission, "%q", name)
		_, err = h.List(ctx, visitor(name), "/")
		assert.ErrorIs(t, err, fs.ErrPermission, "%q", name)
	}
	_, err := h.Stat(ctx, visitor("file"), "/")
	assert.Error(t, err)
	assert.NotZero(t, h.Features(visitor("")), "before login")
}

func TestHomesKeepAFewOpen(t *testing.T) {
	h, _ := homes(t, HomesOptions{MaxOpen: 2})
	for i := range 10 {
		require.NoError(t, h.Mkdir(ctx, visitor(fmt.Sprint("user", i)), "/d"))
		assert.LessOrEqual(t, h.order.Len(), 2)
	}
}

func TestUploadOutlivesItsHomeInTheCache(t *testing.T) {
	for kind, named := range kinds {
		t.Run(kind, func(t *testing.T) {
			h, dir := homes(t, HomesOptions{MaxOpen: 1})
			h.base.at.Load().named.Store(named)
			put(t, dir, "ann/f", "old")
			u, err := h.Store(ctx, visitor("ann"), "/f", paradise.StoreOptions{})
			require.NoError(t, err)
			l, err := h.List(ctx, visitor("ann"), "/")
			require.NoError(t, err)
			_, err = h.Stat(ctx, visitor("bob"), "/")
			require.NoError(t, err)
			require.Nil(t, h.homes["ann"])

			_, err = u.Write([]byte("new"))
			require.NoError(t, err)
			require.NoError(t, u.Commit(ctx))
			assert.Equal(t, "new", get(t, dir, "ann/f"))
			for e, err := range l {
				require.NoError(t, err)
				assert.Equal(t, "f", e.Name)
			}
		})
	}
}

func TestHomesServeManyAtOnce(t *testing.T) {
	h, dir := homes(t, HomesOptions{MaxOpen: 2})
	h.base.at.Load().named.Store(true)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			name := fmt.Sprint("user", i%5)
			u, err := h.Store(ctx, visitor(name), "/f", paradise.StoreOptions{})
			if assert.NoError(t, err) {
				assert.NoError(t, u.Commit(ctx))
			}
		})
	}
	wg.Wait()
	assert.Empty(t, parts(t, dir))
}

func TestSessionsMayNameTheirHome(t *testing.T) {
	h, dir := homes(t, HomesOptions{Home: func(s *paradise.Session) string { return "tenant-" + s.Host }})
	require.NoError(t, h.Mkdir(ctx, &paradise.Session{Host: "x"}, "/d"))
	assert.DirExists(t, filepath.Join(dir, "tenant-x", "d"))
}
