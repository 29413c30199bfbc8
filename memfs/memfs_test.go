package memfs_test

import (
	"context"
	"io"
	"io/fs"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

var asker = &paradise.Session{ID: 1, User: paradise.User{Name: "tester"}}

func TestKeepsTheRulesOfDrivers(t *testing.T) {
	paradisetest.TestFileDriver(t, paradisetest.DriverOptions{
		New: func(testing.TB) paradise.FileDriver { return memfs.New() },
	})
}

func TestPutMakesFilesAndFolders(t *testing.T) {
	m := memfs.New()
	m.Put("/a/b/file", []byte("data"))
	m.Put("relative", nil)
	m.Put("/folder/", nil)

	got, err := m.Get("/a/b/file")
	require.NoError(t, err)
	assert.Equal(t, "data", string(got))
	got, err = m.Get("/relative")
	require.NoError(t, err)
	assert.Empty(t, got)
	_, err = m.Get("/folder")
	assert.ErrorIs(t, err, paradise.ErrIsDir)
	_, err = m.Get("/missing")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestPutPanicsWhereTheNameCannotBe(t *testing.T) {
	m := memfs.New()
	m.Put("/file", nil)
	m.Put("/folder/", nil)
	assert.Panics(t, func() { m.Put("/file/below", nil) })
	assert.Panics(t, func() { m.Put("/file/", nil) })
	assert.Panics(t, func() { m.Put("/folder", nil) })
	assert.Panics(t, func() { m.Put("", nil) })
}

func TestPutAndGetShareNoBytesWithTheCaller(t *testing.T) {
	m := memfs.New()
	data := []byte("data")
	m.Put("/f", data)
	data[0] = '#'
	got, err := m.Get("/f")
	require.NoError(t, err)
	got[1] = '#'
	again, err := m.Get("/f")
	require.NoError(t, err)
	assert.Equal(t, "data", string(again))
}

func TestListIsASnapshotInTheOrderOfNames(t *testing.T) {
	m := memfs.New()
	for _, name := range []string{"/c", "/a", "/b"} {
		m.Put(name, nil)
	}
	l, err := m.List(t.Context(), asker, "/")
	require.NoError(t, err)
	m.Put("/aa", nil)
	var names []string
	for e, err := range l {
		require.NoError(t, err)
		names = append(names, e.Name)
	}
	assert.Equal(t, []string{"a", "b", "c"}, names)
}

func TestModTimeIsThatOfCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memfs.New()
		u := begin(t, m, "/f", "data", paradise.StoreOptions{})
		time.Sleep(time.Hour) // of the bubble's clock
		require.NoError(t, u.Commit(t.Context()))
		assert.Equal(t, time.Now(), stat(t, m, "/f").ModTime)
	})
}

func TestUniqueFollowsTheFile(t *testing.T) {
	m := memfs.New()
	m.Put("/f", []byte("data"))
	m.Put("/g", []byte("data"))
	id := stat(t, m, "/f").Unique
	assert.NotEmpty(t, id)
	assert.NotEqual(t, id, stat(t, m, "/g").Unique)

	m.Put("/f", []byte("other data"))
	assert.Equal(t, id, stat(t, m, "/f").Unique, "after an overwrite")
	require.NoError(t, m.Rename(t.Context(), asker, "/f", "/h", paradise.RenameOptions{}))
	assert.Equal(t, id, stat(t, m, "/h").Unique, "after a rename")
}

func TestAnOverwriteKeepsModeAndOwner(t *testing.T) {
	m := memfs.New()
	m.Put("/f", nil)
	require.NoError(t, m.SetAttr(t.Context(), asker, "/f", paradise.Attr{
		SetMode: true, Mode: 0o600, Owner: "ann", Group: "staff",
	}))
	m.Put("/f", []byte("data"))
	e := stat(t, m, "/f")
	assert.Equal(t, fs.FileMode(0o600), e.Mode)
	assert.Equal(t, "ann", e.Owner)
	assert.Equal(t, "staff", e.Group)
}

func TestSetAttrKeepsTheKindOfAFolder(t *testing.T) {
	m := memfs.New()
	require.NoError(t, m.SetAttr(t.Context(), asker, "/", paradise.Attr{SetMode: true, Mode: 0o700}))
	assert.Equal(t, fs.ModeDir|0o700, stat(t, m, "/").Mode)
}

func TestCapacity(t *testing.T) {
	type op func(t *testing.T, m *memfs.FS) error
	store := func(name, data string, o paradise.StoreOptions) op {
		return func(t *testing.T, m *memfs.FS) error { return store(t, m, name, data, o) }
	}
	for _, c := range []struct {
		name string
		do   op
		err  error
		left int64 // of a capacity of 10; "/f" has 6 bytes
	}{
		{"a file that fits exactly is taken", store("/g", "1234", paradise.StoreOptions{}), nil, 0},
		{"a file that does not fit is refused and leaves no trace",
			store("/g", "12345", paradise.StoreOptions{}), paradise.ErrNoSpace, 4},
		{"what is replaced is free after Commit", store("/f", "12", paradise.StoreOptions{}), nil, 8},
		{"Append counts what is added", store("/f", "12", paradise.StoreOptions{Append: true}), nil, 2},
		{"Offset counts the result", store("/f", "1", paradise.StoreOptions{Offset: 3}), nil, 6},
		{"Offset needs room for the head of the copy",
			store("/f", "1", paradise.StoreOptions{Offset: 5}), paradise.ErrNoSpace, 4},
		{"a removed file is free", func(t *testing.T, m *memfs.FS) error {
			return m.Remove(t.Context(), asker, "/f")
		}, nil, 10},
		{"a file that a rename replaces is free", func(t *testing.T, m *memfs.FS) error {
			m.Put("/g", []byte("1"))
			return m.Rename(t.Context(), asker, "/g", "/f", paradise.RenameOptions{})
		}, nil, 9},
		{"a copy counts in full", func(t *testing.T, m *memfs.FS) error {
			return m.Copy(t.Context(), asker, "/f", "/g", paradise.CopyOptions{})
		}, paradise.ErrNoSpace, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := memfs.New()
			m.Capacity = 10
			m.Put("/f", []byte("123456"))
			assert.ErrorIs(t, c.do(t, m), c.err)
			left, err := m.Space(t.Context(), asker, "/")
			require.NoError(t, err)
			assert.Equal(t, c.left, left)
		})
	}
}

func TestRunningUploadsHoldTheirSpaceUntilAbort(t *testing.T) {
	m := memfs.New()
	m.Capacity = 10
	u := begin(t, m, "/f", "12345678", paradise.StoreOptions{})
	assert.ErrorIs(t, store(t, m, "/g", "123", paradise.StoreOptions{}), paradise.ErrNoSpace)
	u.Abort(t.Context(), io.ErrUnexpectedEOF)
	assert.NoError(t, store(t, m, "/g", "123", paradise.StoreOptions{}))
}

func TestSpaceWithoutCapacityIsUnbounded(t *testing.T) {
	left, err := memfs.New().Space(t.Context(), asker, "/")
	require.NoError(t, err)
	assert.Equal(t, int64(math.MaxInt64), left)
}

func TestWritesEndWithTheContextOfStore(t *testing.T) {
	m := memfs.New()
	ctx, cancel := context.WithCancelCause(t.Context())
	u, err := m.Store(ctx, asker, "/f", paradise.StoreOptions{})
	require.NoError(t, err)
	require.NoError(t, u.Begin(ctx, paradise.UploadInfo{}))
	cancel(paradise.ErrAborted)
	_, err = u.Write([]byte("data"))
	assert.ErrorIs(t, err, paradise.ErrAborted)
	u.Abort(t.Context(), err)
}

func TestAnUploadThatEndedTakesNothingMore(t *testing.T) {
	m := memfs.New()
	u := begin(t, m, "/f", "data", paradise.StoreOptions{})
	require.NoError(t, u.Commit(t.Context()))
	_, err := u.Write([]byte("more"))
	assert.ErrorIs(t, err, fs.ErrClosed)
	assert.ErrorIs(t, u.Commit(t.Context()), fs.ErrClosed)
	u.Abort(t.Context(), io.ErrUnexpectedEOF)
	got, err := m.Get("/f")
	require.NoError(t, err)
	assert.Equal(t, "data", string(got))
}

func begin(t *testing.T, m *memfs.FS, name, data string, o paradise.StoreOptions) paradise.Upload {
	t.Helper()
	u, err := m.Store(t.Context(), asker, name, o)
	require.NoError(t, err)
	require.NoError(t, u.Begin(t.Context(), paradise.UploadInfo{}))
	_, err = u.Write([]byte(data))
	require.NoError(t, err)
	return u
}

// store uploads a file and returns the first error.
func store(t *testing.T, m *memfs.FS, name, data string, o paradise.StoreOptions) error {
	t.Helper()
	u, err := m.Store(t.Context(), asker, name, o)
	if err != nil {
		return err
	}
	require.NoError(t, u.Begin(t.Context(), paradise.UploadInfo{}))
	if _, err = u.Write([]byte(data)); err == nil {
		err = u.Commit(t.Context())
	}
	if err != nil {
		u.Abort(t.Context(), err)
	}
	return err
}

func stat(t *testing.T, m *memfs.FS, name string) paradise.Entry {
	t.Helper()
	e, err := m.Stat(t.Context(), asker, name)
	require.NoError(t, err)
	return e
}

func TestTheZeroValueIsAnEmptyStorage(t *testing.T) {
	paradisetest.TestFileDriver(t, paradisetest.DriverOptions{
		New: func(testing.TB) paradise.FileDriver { return &memfs.FS{} },
	})
	reads := &memfs.FS{Capacity: 3}
	_, err := reads.Stat(t.Context(), asker, "/")
	require.NoError(t, err)
	n, err := reads.Space(t.Context(), asker, "/")
	require.NoError(t, err)
	assert.EqualValues(t, 3, n)
	puts := &memfs.FS{}
	puts.Put("/d/f", []byte("data"))
	got, err := puts.Get("/d/f")
	require.NoError(t, err)
	assert.Equal(t, "data", string(got))
}

func TestManyMayUseAZeroValueFirst(t *testing.T) {
	m := &memfs.FS{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			_, err := m.Stat(t.Context(), asker, "/")
			assert.NoError(t, err)
			assert.NoError(t, m.Mkdir(t.Context(), asker, "/"+string(rune('a'+i))))
		})
	}
	wg.Wait()
	l, err := m.List(t.Context(), asker, "/")
	require.NoError(t, err)
	names := 0
	for range l {
		names++
	}
	assert.Equal(t, 8, names, "all in one root")
}
