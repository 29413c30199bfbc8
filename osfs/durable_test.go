package osfs

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// syncs records what is brought to the disk.
type syncs struct {
	mu    sync.Mutex
	calls []string
	fail  string
}

func (s *syncs) note(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, what)
	if what == s.fail {
		return syscall.EIO
	}
	return nil
}

// watch puts s between a driver and the disk.
func watch(d *Driver, s *syncs, published func() bool) {
	d.at.Load().sync.data = func(f *os.File) error { return s.note(fmt.Sprintf("data, published %v", published())) }
	d.at.Load().sync.folder = func(*dir) error { return s.note(fmt.Sprintf("folder, published %v", published())) }
	d.at.Load().sync.writeback = func(_ *os.File, off, n int64) { _ = s.note(fmt.Sprintf("begin %d+%d", off, n)) }
}

func TestDurableSyncsDataBeforeAndFolderAfterTheName(t *testing.T) {
	eachKind(t, Options{Durable: true}, func(t *testing.T, d *Driver, _ string) {
		s := &syncs{}
		watch(d, s, func() bool { _, err := d.Stat(ctx, session, "/f"); return err == nil })
		store(t, d, "/f", "x", paradise.StoreOptions{})
		assert.Equal(t, []string{"data, published false", "folder, published true"}, s.calls)
	})
}

func TestNothingIsSyncedUnlessAsked(t *testing.T) {
	d, _ := open(t, Options{})
	s := &syncs{}
	watch(d, s, func() bool { return false })
	store(t, d, "/f", "x", paradise.StoreOptions{})
	assert.Empty(t, s.calls)
}

func TestFailedSyncIsAFailedUpload(t *testing.T) {
	eachKind(t, Options{Durable: true}, func(t *testing.T, d *Driver, dir string) {
		put(t, dir, "f", "old")
		s := &syncs{fail: "data, published true"}
		watch(d, s, func() bool { return true })
		u := begin(t, d, "/f", "new", paradise.StoreOptions{})
		err := u.Commit(ctx)
		require.ErrorIs(t, err, syscall.EIO)
		u.Abort(ctx, err)
		assert.Equal(t, "old", get(t, dir, "f"))
		assert.Len(t, s.calls, 1, "a sync that failed is never tried again")
		assert.Empty(t, parts(t, dir))
	})
}

func TestFailedFolderSyncIsAFailedUpload(t *testing.T) {
	d, _ := open(t, Options{Durable: true})
	s := &syncs{fail: "folder, published true"}
	watch(d, s, func() bool { return true })
	u := begin(t, d, "/f", "new", paradise.StoreOptions{})
	err := u.Commit(ctx)
	require.ErrorIs(t, err, syscall.EIO)
	require.ErrorIs(t, err, paradise.ErrUnknownOutcome, "no refusal, whatever the disk says: the file has its name")
	u.Abort(ctx, err)
	assert.Len(t, s.calls, 2)
}

func TestDurableBeginsToWriteEarly(t *testing.T) {
	d, dir := open(t, Options{Durable: true})
	s := &syncs{}
	watch(d, s, func() bool { return false })
	u := begin(t, d, "/f", "", paradise.StoreOptions{})
	block := make([]byte, 1<<20)
	for range 130 {
		_, err := u.Write(block)
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"begin 0+67108864", "begin 67108864+67108864"}, s.calls)
	u.Abort(ctx, paradise.ErrAborted)
	assert.Empty(t, names(t, d, "/"))
	assert.DirExists(t, dir)
}

func TestDurableForReal(t *testing.T) {
	eachKind(t, Options{Durable: true}, func(t *testing.T, d *Driver, dir string) {
		store(t, d, "/f", "x", paradise.StoreOptions{})
		store(t, d, "/f", "y", paradise.StoreOptions{Append: true})
		assert.Equal(t, "xy", get(t, dir, "f"))
	})
}

func TestOneFolderSyncServesAllWhoAskedBeforeItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &syncGroups{byKey: map[string]*syncGroup{}}
		calls, gate := 0, make(chan struct{})
		slow := func() error {
			calls++
			<-gate
			return nil
		}
		var wg sync.WaitGroup
		wg.Go(func() { assert.NoError(t, g.do("folder", slow)) })
		synctest.Wait() // the first runs
		for range 50 {
			wg.Go(func() { assert.NoError(t, g.do("folder", slow)) })
		}
		synctest.Wait() // the others asked after it began
		gate <- struct{}{}
		gate <- struct{}{}
		wg.Wait()
		assert.Equal(t, 2, calls)
		assert.Empty(t, g.byKey)
	})
}

func TestFailedFolderSyncFailsAllItServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &syncGroups{byKey: map[string]*syncGroup{}}
		gate := make(chan struct{})
		failure := errors.New("disk")
		var wg sync.WaitGroup
		wg.Go(func() { assert.NoError(t, g.do("folder", func() error { <-gate; return nil })) })
		synctest.Wait()
		for range 3 {
			wg.Go(func() { assert.ErrorIs(t, g.do("folder", func() error { return failure }), failure) })
		}
		synctest.Wait()
		close(gate)
		wg.Wait()
	})
}
