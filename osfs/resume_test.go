package osfs

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

func TestOffsetKeepsTheHeadOnly(t *testing.T) {
	for _, inPlace := range []bool{false, true} {
		eachKind(t, Options{InPlaceResume: inPlace}, func(t *testing.T, d *Driver, dir string) {
			for _, rule := range []struct {
				offset int64
				want   string
			}{{1, "0new"}, {5, "01234new"}, {10, "0123456789new"}} {
				put(t, dir, "f", "0123456789")
				store(t, d, "/f", "new", paradise.StoreOptions{Offset: rule.offset})
				assert.Equal(t, rule.want, get(t, dir, "f"))
			}
		})
	}
}

func TestOffsetBeyondTheEndIsRefused(t *testing.T) {
	for _, inPlace := range []bool{false, true} {
		d, dir := open(t, Options{InPlaceResume: inPlace})
		put(t, dir, "f", "0123456789")
		_, err := d.Store(ctx, session, "/f", paradise.StoreOptions{Offset: 11})
		require.ErrorIs(t, err, paradise.ErrBadOffset)
		_, err = d.Store(ctx, session, "/none", paradise.StoreOptions{Offset: 1})
		require.ErrorIs(t, err, paradise.ErrBadOffset)
		store(t, d, "/f", "whole", paradise.StoreOptions{}) // the refusals left no mark
	}
}

func TestAppendTakesTheOldVersionAsAtCommit(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		put(t, dir, "f", "old,")
		u := begin(t, d, "/f", "data", paradise.StoreOptions{Append: true})
		store(t, d, "/f", "newer,", paradise.StoreOptions{})
		require.NoError(t, u.Commit(ctx))
		assert.Equal(t, "newer,data", get(t, dir, "f"))
		assert.Empty(t, parts(t, dir))
	})
}

func TestAppendToAFileThatAppearsOrGoes(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		appears := begin(t, d, "/appears", "data", paradise.StoreOptions{Append: true})
		put(t, dir, "appears", "came,")
		require.NoError(t, appears.Commit(ctx))
		assert.Equal(t, "came,data", get(t, dir, "appears"))

		put(t, dir, "goes", "old,")
		goes := begin(t, d, "/goes", "data", paradise.StoreOptions{Append: true})
		require.NoError(t, d.Remove(ctx, session, "/goes"))
		require.NoError(t, goes.Commit(ctx))
		assert.Equal(t, "data", get(t, dir, "goes"))
	})
}

func TestConcurrentAppendsAllArriveWhole(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		const writers = 16
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				store(t, d, "/f", strings.Repeat(string(rune('a'+i)), 1000), paradise.StoreOptions{Append: true})
			})
		}
		wg.Wait()
		content := get(t, dir, "f")
		require.Len(t, content, writers*1000)
		for i := range writers {
			assert.Contains(t, content, strings.Repeat(string(rune('a'+i)), 1000))
		}
	})
}

func TestInPlaceAbortCutsBackToTheOldLength(t *testing.T) {
	d, dir := open(t, Options{InPlaceResume: true})
	put(t, dir, "f", "0123456789")
	u := begin(t, d, "/f", "data", paradise.StoreOptions{Append: true})
	assert.Equal(t, "0123456789data", get(t, dir, "f"), "readers see it grow")
	u.Abort(ctx, paradise.ErrAborted)
	assert.Equal(t, "0123456789", get(t, dir, "f"))
}

func TestInPlaceAdmitsOneWriter(t *testing.T) {
	d, dir := open(t, Options{InPlaceResume: true})
	put(t, dir, "f", "0123456789")
	u := begin(t, d, "/f", "data", paradise.StoreOptions{Offset: 10})
	_, err := d.Store(ctx, session, "/f", paradise.StoreOptions{Append: true})
	require.ErrorIs(t, err, paradise.ErrBusy)
	require.NoError(t, u.Commit(ctx))
	store(t, d, "/f", "!", paradise.StoreOptions{Append: true})
	assert.Equal(t, "0123456789data!", get(t, dir, "f"))
}

func TestInPlaceUploadToAFileThatWasReplacedFails(t *testing.T) {
	d, dir := open(t, Options{InPlaceResume: true})
	put(t, dir, "f", "old")
	u := begin(t, d, "/f", "lost", paradise.StoreOptions{Append: true})
	store(t, d, "/f", "new", paradise.StoreOptions{})
	err := u.Commit(ctx)
	require.ErrorIs(t, err, paradise.ErrBusy, "its bytes went to a file that no name leads to")
	u.Abort(ctx, err)
	assert.Equal(t, "new", get(t, dir, "f"))
}
