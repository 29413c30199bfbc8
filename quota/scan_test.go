package quota_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/quota"
)

func seeded() *memfs.FS {
	m := memfs.New()
	m.Put("/a", make([]byte, 10))
	m.Put("/d/b", make([]byte, 20))
	m.Put("/d/e/c", make([]byte, 30))
	m.Put("/empty/", nil)
	return m
}

// lister counts listings, fails them, or lets them wait.
type lister struct {
	paradise.FileDriver
	lists atomic.Int32
	fails atomic.Bool
	wait  chan struct{}
}

func (l *lister) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	l.lists.Add(1)
	if l.fails.Load() {
		return nil, errors.New("disk asleep")
	}
	if l.wait != nil {
		select {
		case <-l.wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return l.FileDriver.List(ctx, s, dir)
}

func TestFilesThatAreThereAreCountedOnce(t *testing.T) {
	l := &lister{FileDriver: seeded()}
	q := quota.New(l, quota.Options{})
	defer q.Close()
	uses(t, q, 60, 3, "all folders")
	put(t, q, "/f", 5)
	uses(t, q, 65, 4, "and what is new")
	assert.EqualValues(t, 4, l.lists.Load(), "one listing per folder")
}

func TestAFailedScanRefusesAndIsTriedAgain(t *testing.T) {
	l := &lister{FileDriver: seeded()}
	l.fails.Store(true)
	q := quota.New(l, quota.Options{})
	defer q.Close()
	_, err := q.Store(t.Context(), anna, "/f", paradise.StoreOptions{})
	require.ErrorContains(t, err, "disk asleep")
	l.fails.Store(false)
	put(t, q, "/f", 5)
	uses(t, q, 65, 4, "once the storage is back")
}

func TestAScanOutlastsTheSessionThatCausedIt(t *testing.T) {
	l := &lister{FileDriver: seeded(), wait: make(chan struct{})}
	q := quota.New(l, quota.Options{})
	defer q.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := q.Store(ctx, anna, "/f", paradise.StoreOptions{})
	require.ErrorIs(t, err, context.Canceled)
	close(l.wait)
	uses(t, q, 60, 3, "for the next one")
	assert.EqualValues(t, 4, l.lists.Load(), "by the same scan")
}

func TestCloseEndsAScan(t *testing.T) {
	l := &lister{FileDriver: seeded(), wait: make(chan struct{})}
	q := quota.New(l, quota.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := q.Store(ctx, anna, "/f", paradise.StoreOptions{})
	require.Error(t, err)
	require.NoError(t, q.Close())
}

func TestAScanDoesNotGoDownForEver(t *testing.T) {
	m := memfs.New()
	m.Put(strings.Repeat("/d", 80)+"/f", nil)
	q := quota.New(m, quota.Options{})
	defer q.Close()
	_, _, err := q.Usage(t.Context(), anna)
	assert.ErrorContains(t, err, "deeper than 64 folders")
}

func TestRescanFindsWhatChangedBehindOurBack(t *testing.T) {
	m := seeded()
	q := quota.New(m, quota.Options{})
	defer q.Close()
	uses(t, q, 60, 3, "before")
	m.Put("/behind", make([]byte, 7))
	uses(t, q, 60, 3, "unknown")
	require.NoError(t, q.Rescan(t.Context(), anna))
	uses(t, q, 67, 4, "counted anew")
}

func TestUsageIsKeptInAFileFromRunToRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "usage.json")
	l := &lister{FileDriver: seeded()}
	run := func(closes bool, want int64, message string) {
		f, err := quota.OpenFile(file)
		require.NoError(t, err)
		q := quota.New(l, quota.Options{Store: f})
		u, _, err := q.Usage(t.Context(), anna)
		require.NoError(t, err)
		assert.Equal(t, want, u.Bytes, message)
		put(t, q, "/new", int(u.Bytes))
		require.NoError(t, q.Close())
		if closes {
			require.NoError(t, f.Close())
		}
	}
	run(true, 60, "counted")
	lists := l.lists.Load()
	run(true, 120, "from the file")
	assert.Equal(t, lists, l.lists.Load(), "no scan")
	run(false, 180, "from the file; then a crash")
	assert.Equal(t, lists, l.lists.Load(), "no scan")
	run(true, 240, "counted anew")
	assert.Greater(t, l.lists.Load(), lists, "what a crash left is not trusted")
}

func TestTheFileBelongsToTheProcessThatOpenedItLast(t *testing.T) {
	file := filepath.Join(t.TempDir(), "usage.json")
	old, err := quota.OpenFile(file)
	require.NoError(t, err)
	young, err := quota.OpenFile(file)
	require.NoError(t, err)
	require.NoError(t, old.Set(t.Context(), "anna", quota.Usage{Bytes: 1, Files: 1}))
	require.NoError(t, old.Close())
	require.NoError(t, young.Set(t.Context(), "anna", quota.Usage{Bytes: 2, Files: 2}))
	require.NoError(t, young.Close())
	again, err := quota.OpenFile(file)
	require.NoError(t, err)
	u, ok, err := again.Usage(t.Context(), "anna")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.EqualValues(t, 2, u.Bytes)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".quota-*"))
	require.NoError(t, err)
	assert.Empty(t, left, "no temporary stays")
}

func TestAMalformedFileIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "usage.json")
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err := quota.OpenFile(file)
	assert.ErrorContains(t, err, file)
}

// forgetful is a Store whose Add fails now and then.
type forgetful struct {
	*quota.Memory
	fails bool
}

func (f *forgetful) Add(ctx context.Context, key string, change quota.Usage) (quota.Usage, error) {
	if f.fails {
		return quota.Usage{}, errors.New("unreachable")
	}
	return f.Memory.Add(ctx, key, change)
}

func TestWhatAStoreRefusedItGetsLater(t *testing.T) {
	f := &forgetful{Memory: quota.NewMemory(), fails: true}
	q := quota.New(seeded(), quota.Options{Store: f})
	defer q.Close()
	put(t, q, "/f", 5)
	put(t, q, "/g", 5)
	uses(t, q, 70, 5, "known here all the same")
	f.fails = false
	put(t, q, "/h", 5)
	uses(t, q, 75, 6, "and then")
	u, _, err := f.Usage(t.Context(), "anna")
	require.NoError(t, err)
	assert.Equal(t, quota.Usage{Bytes: 75, Files: 6}, u, "in the Store")
}
