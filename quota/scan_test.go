package quota_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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

// forgetful is a Store whose Settle fails now and then.
type forgetful struct {
	*quota.Memory
	fails atomic.Bool
}

func newForgetful() *forgetful {
	f := &forgetful{Memory: quota.NewMemory()}
	f.fails.Store(true)
	return f
}

func (f *forgetful) Settle(ctx context.Context, key string, l quota.Lease, change quota.Usage) error {
	if f.fails.Load() {
		return errors.New("unreachable")
	}
	return f.Memory.Settle(ctx, key, l, change)
}

func TestWhatAStoreRefusedItGetsLater(t *testing.T) {
	for name, next := range map[string]func(t *testing.T, q *quota.Driver){
		"with the next change":  func(t *testing.T, q *quota.Driver) { put(t, q, "/h", 0); synctest.Wait() },
		"after a while, anyway": func(t *testing.T, q *quota.Driver) { time.Sleep(time.Minute) }, // of the bubble's clock
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newForgetful()
				q := quota.New(seeded(), quota.Options{Store: f, Step: 1, Limits: quota.Fixed(quota.Limits{Bytes: 157})})
				defer q.Close()
				put(t, q, "/f", 5)
				put(t, q, "/g", 5)
				require.NoError(t, q.Remove(t.Context(), anna, "/a"))
				put(t, q, "/h", 0)
				uses(t, q, 60, 3, "what the Store was told")
				time.Sleep(time.Hour) // of the bubble's clock
				assert.EqualValues(t, 157-60-10, left(t, q), "what came is reserved for as long as the Store does not know")
				f.fails.Store(false)
				next(t, q)
				uses(t, q, 60, 5, "all that happened")
				acc, err := f.Account(t.Context(), "anna")
				require.NoError(t, err)
				assert.Equal(t, quota.Usage{Bytes: 60, Files: 5}, acc.Used, "in the Store")
				assert.Zero(t, acc.Held)
			})
		})
	}
}
