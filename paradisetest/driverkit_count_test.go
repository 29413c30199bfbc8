package paradisetest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/iofs"
	"github.com/paradiseftp/paradise/memfs"
)

func TestCounterCountsWhatWasDone(t *testing.T) {
	c := Count(memfs.New())
	u := begunUpload(t, c)
	assert.Equal(t, 1, c.Counts().Uploads)
	mustWrite(t, u, "data")
	require.NoError(t, u.Commit(bg))
	aborted := begunUpload(t, c)
	aborted.Abort(bg, errExam)

	r, err := c.Open(bg, tester, "/f", 0)
	require.NoError(t, err)
	assert.Equal(t, 1, c.Counts().Readers)
	_, err = io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())

	l, err := c.List(bg, tester, "/")
	require.NoError(t, err)
	for range l {
		assert.Equal(t, 1, c.Counts().Listings)
	}

	got := c.Counts()
	assert.Equal(t, 2, got.Read, "the data and io.EOF")
	got.Read = 0
	assert.Equal(t, Counts{
		List: 1, Open: 1, Store: 2, Begin: 2, Write: 1, Commit: 1, Abort: 1, Committed: 1, Written: 4,
	}, got)
	assert.Empty(t, c.Violations())
	c.Check(t)
}

// violation is something that a server must not do, and the reproach for it.
type violation struct {
	name string
	do   func(t *testing.T, c *Counter)
	want string
}

func (v violation) test(t *testing.T) {
	m := memfs.New()
	m.Put("/f", []byte("data"))
	counter := Count(m)
	v.do(t, counter)
	require.Len(t, counter.Violations(), 1)
	assert.Contains(t, counter.Violations()[0], v.want)
}

func TestCounterSeesViolationsOfUploads(t *testing.T) {
	upload := func(f func(t *testing.T, u paradise.Upload)) func(*testing.T, *Counter) {
		return func(t *testing.T, c *Counter) {
			u, err := c.Store(bg, tester, "/f", paradise.StoreOptions{})
			require.NoError(t, err)
			f(t, u)
		}
	}
	begin := func(u paradise.Upload) { _ = u.Begin(bg, paradise.UploadInfo{}) }
	for _, v := range []violation{
		{"no ending", upload(func(_ *testing.T, u paradise.Upload) { begin(u) }), "neither committed nor aborted"},
		{"Write without Begin", upload(func(_ *testing.T, u paradise.Upload) {
			_, _ = u.Write([]byte("x"))
			u.Abort(bg, errExam)
		}), "Write without Begin"},
		{"Commit without Begin", upload(func(_ *testing.T, u paradise.Upload) { _ = u.Commit(bg) }), "Commit without Begin"},
		{"Begin twice", upload(func(_ *testing.T, u paradise.Upload) {
			begin(u)
			begin(u)
			u.Abort(bg, errExam)
		}), "Begin more than once"},
		{"Write after Commit", upload(func(_ *testing.T, u paradise.Upload) {
			begin(u)
			_ = u.Commit(bg)
			_, _ = u.Write([]byte("x"))
		}), "Write after Commit"},
		{"Abort after Commit", upload(func(_ *testing.T, u paradise.Upload) {
			begin(u)
			_ = u.Commit(bg)
			u.Abort(bg, errExam)
		}), "Abort after Commit"},
		{"Abort twice", upload(func(_ *testing.T, u paradise.Upload) {
			u.Abort(bg, errExam)
			u.Abort(bg, errExam)
		}), "Abort after Abort"},
		{"Abort with a dead context", upload(func(_ *testing.T, u paradise.Upload) { u.Abort(dead(), errExam) }),
			"dead context"},
		{"Abort without a cause", upload(func(_ *testing.T, u paradise.Upload) { u.Abort(bg, nil) }), "without a cause"},
		{"Store's context dies before Commit", storeContextDies, "dead before Commit"},
	} {
		t.Run(v.name, v.test)
	}
}

func TestCounterSeesViolationsOfOtherCalls(t *testing.T) {
	for _, v := range []violation{
		{"reader left open", func(t *testing.T, c *Counter) { mustOpen(t, c) }, "not closed"},
		{"reader closed twice", func(t *testing.T, c *Counter) {
			r := mustOpen(t, c)
			r.Close()
			r.Close()
		}, "closed more than once"},
		{"read after Close", func(t *testing.T, c *Counter) {
			r := mustOpen(t, c)
			r.Close()
			_, _ = r.Read(make([]byte, 1))
		}, "read after Close"},
		{"listing not ranged over", func(t *testing.T, c *Counter) { _, _ = c.List(bg, tester, "/") }, "not ranged over"},
		{"listing ranged over twice", func(t *testing.T, c *Counter) {
			l, err := c.List(bg, tester, "/")
			require.NoError(t, err)
			for range 2 {
				l(func(paradise.Entry, error) bool { return false })
			}
		}, "more than once"},
		{"name not clean", func(t *testing.T, c *Counter) { _, _ = c.Stat(bg, tester, "/a/../b") }, "not absolute and clean"},
		{"name not absolute",
			func(t *testing.T, c *Counter) { _ = c.Rename(bg, tester, "/a", "b", paradise.RenameOptions{}) },
			"not absolute and clean"},
		{"name with a line end", func(t *testing.T, c *Counter) { _ = c.Mkdir(bg, tester, "/a\nb") },
			"not absolute and clean"},
		{"no session", func(t *testing.T, c *Counter) { _ = c.Remove(bg, nil, "/a") }, "without a Session"},
		{"negative offset", func(t *testing.T, c *Counter) { _, _ = c.Open(bg, tester, "/f", -1) }, "at -1"},
	} {
		t.Run(v.name, v.test)
	}
}

func storeContextDies(t *testing.T, c *Counter) {
	ctx, cancel := context.WithCancel(bg)
	u, err := c.Store(ctx, tester, "/f", paradise.StoreOptions{})
	require.NoError(t, err)
	require.NoError(t, u.Begin(ctx, paradise.UploadInfo{}))
	cancel()
	_ = u.Commit(bg)
}

func TestCounterSeesThatAFailureWasOverlooked(t *testing.T) {
	for _, c := range []struct {
		failing string
		kind    FaultKind
		at      int
		want    string
	}{
		{"Begin", FaultError, 2, "Write after Begin failed"},
		{"Write", FaultError, 3, "Commit after Write failed"},
		{"Write", FaultShortWrite, 3, "Commit after Write failed"},
		{"Commit", FaultError, 4, "Commit after Commit failed"},
	} {
		t.Run(c.failing+" "+c.kind.String(), func(t *testing.T) {
			counter := Count(&Faults{Driver: memfs.New(), At: c.at, Kind: c.kind})
			u, err := counter.Store(bg, tester, "/f", paradise.StoreOptions{})
			require.NoError(t, err)
			_ = u.Begin(bg, paradise.UploadInfo{})
			_, _ = u.Write([]byte("data"))
			_ = u.Commit(bg)
			_ = u.Commit(bg)
			u.Abort(bg, errExam)
			require.NotEmpty(t, counter.Violations())
			assert.Contains(t, counter.Violations()[0], c.want)
		})
	}
}

func TestCounterSeesCallsThatOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &Faults{Driver: memfs.New(), At: 3, Kind: FaultHang}
		c := Count(f)
		u := begunUpload(t, c)
		go func() { _, _ = u.Write([]byte("waits")) }()
		synctest.Wait()
		u.Abort(bg, errExam)
		f.Release()
		synctest.Wait()
		require.NotEmpty(t, c.Violations())
		assert.Contains(t, c.Violations()[0], "Abort during Write")
	})
}

func TestCounterTakesAPanicForAFailureThatAbortFollows(t *testing.T) {
	c := Count(&Faults{Driver: memfs.New(), At: 3, Kind: FaultPanic})
	u := begunUpload(t, c)
	assert.Panics(t, func() { _, _ = u.Write([]byte("data")) })
	u.Abort(bg, errExam)
	assert.Empty(t, c.Violations())
}

func TestCounterFailsTheTest(t *testing.T) {
	c := Count(memfs.New())
	begunUpload(t, c)
	r := &recorder{TB: t}
	c.Check(r)
	assert.Equal(t, 1, r.errors)
}

func TestCounterRefusesCopySoThatTheServerCopiesThroughIt(t *testing.T) {
	assert.ErrorIs(t, Count(memfs.New()).Copy(bg, tester, "/a", "/b", paradise.CopyOptions{}), errors.ErrUnsupported)
}

func TestCounterLetsSendfileThrough(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), []byte("data"), 0o600))
	c := Count(Count(iofs.New(os.DirFS(dir))))
	r, err := c.Open(bg, tester, "/f", 0)
	require.NoError(t, err)
	f, ok := r.(interface{ File() *os.File })
	require.True(t, ok, "%T has no File", r)
	got, err := io.ReadAll(f.File())
	require.NoError(t, err)
	assert.Equal(t, "data", string(got))
	require.NoError(t, r.Close())
	assert.Empty(t, c.Violations())
}

// recorder stands in for a test that is meant to fail.
type recorder struct {
	testing.TB
	errors int
}

func (r *recorder) Errorf(string, ...any) { r.errors++ }

func dead() context.Context {
	ctx, cancel := context.WithCancel(bg)
	cancel()
	return ctx
}

func begunUpload(t *testing.T, d paradise.FileDriver) paradise.Upload {
	t.Helper()
	u, err := d.Store(bg, tester, "/f", paradise.StoreOptions{})
	require.NoError(t, err)
	require.NoError(t, u.Begin(bg, paradise.UploadInfo{}))
	return u
}

func mustWrite(t *testing.T, u paradise.Upload, data string) {
	t.Helper()
	_, err := u.Write([]byte(data))
	require.NoError(t, err)
}

func mustOpen(t *testing.T, d paradise.FileDriver) io.ReadCloser {
	t.Helper()
	r, err := d.Open(bg, tester, "/f", 0)
	require.NoError(t, err)
	return r
}
