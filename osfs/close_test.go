package osfs

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

func TestAnUploadOutlivesASecondClose(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		put(t, dir, "f", "old")
		put(t, dir, "sub/f", "old")
		for _, name := range []string{"/f", "/sub/f"} {
			defer func() { assert.Equal(t, "new", get(t, dir, name[1:])) }()
			u := begin(t, d, name, "new", paradise.StoreOptions{})
			defer func() { assert.NoError(t, u.Commit(ctx)) }()
		}
		require.NoError(t, d.Close())
		require.NoError(t, d.Close())
	})
}

func TestAnUploadOutlivesASecondCloseOfHomes(t *testing.T) {
	for kind, named := range kinds {
		t.Run(kind, func(t *testing.T) {
			h, dir := homes(t, HomesOptions{})
			h.base.at.Load().named.Store(named)
			put(t, dir, "ann/f", "old")
			u := begin(t, h, "/f", "new", paradise.StoreOptions{})
			require.NoError(t, h.Close())
			require.NoError(t, h.Close())
			require.NoError(t, u.Commit(ctx))
			assert.Equal(t, "new", get(t, dir, "ann/f"))
			assert.Empty(t, leftovers(t, dir), "the base folder was open to remove the register")
			_, err := h.Stat(ctx, session, "/f")
			assert.ErrorIs(t, err, fs.ErrClosed)
		})
	}
}

// A commit may be stuck in a disk that does not answer, or in the core's Accept.
func TestACommitWaitsForAnotherOneAsLongAsItsCtxLasts(t *testing.T) {
	tired := errors.New("tired of waiting")
	for way, o := range map[string]Options{"beside": {}, "in place": {InPlaceResume: true}} {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, dir := open(t, o)
				put(t, dir, "f", "old")
				u := begin(t, d, "/f", " and new", paradise.StoreOptions{Append: true})
				at := d.at.Load()
				h, err := at.alone(ctx, at.top)
				require.NoError(t, err)
				brief, cancel := context.WithTimeoutCause(ctx, time.Second, tired)
				defer cancel()
				require.ErrorIs(t, u.Commit(brief), tired)
				u.Abort(ctx, tired)
				assert.Equal(t, "old", get(t, dir, "f"))
				h.release()
				store(t, d, "/f", " and newer", paradise.StoreOptions{Append: true})
				assert.Equal(t, "old and newer", get(t, dir, "f"), "nothing stays of who gave up")
			})
		})
	}
}
