package osfs

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// A stream of uploads holds its folder at each moment; who waits to be alone has a turn
// all the same, unless a foreign program keeps the lock.
func TestSingleStepsLetGoFirstWhoWaitsToBeAlone(t *testing.T) {
	d, dir := open(t, Options{})
	put(t, dir, "f", "x")
	synctest.Test(t, func(t *testing.T) {
		top := d.at.Load().top
		upload, err := top.lock(false, true)
		require.NoError(t, err)
		made := make(chan error, 1)
		go func() { made <- d.Mkdir(context.Background(), session, "/d") }()
		time.Sleep(10 * time.Millisecond)
		_, err = top.lock(false, true)
		require.ErrorIs(t, err, errHeld, "the next upload")
		removed := time.Now()
		require.NoError(t, d.Remove(context.Background(), session, "/f"), "in the end it goes on")
		assert.GreaterOrEqual(t, time.Since(removed), courtesy)
		upload.unlock()
		require.NoError(t, <-made)
		next, err := top.lock(false, true)
		require.NoError(t, err, "nobody waits any more")
		next.unlock()
	})
}

func TestALockThatIsKeptIsBusyInTheEnd(t *testing.T) {
	d, dir := open(t, Options{})
	put(t, dir, "f", "x")
	synctest.Test(t, func(t *testing.T) {
		foreign, err := d.at.Load().top.lock(true, false)
		require.NoError(t, err)
		defer foreign.unlock()
		ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
		defer cancel()
		err = d.Remove(ctx, session, "/f")
		require.ErrorIs(t, err, paradise.ErrBusy)
		require.ErrorContains(t, err, "by another program")
	})
}

// A folder that may not be read cannot be locked. The other end of a rename can, and is.
func TestTheFolderOfBothThatCanBeLockedIs(t *testing.T) {
	d, dir := open(t, Options{})
	put(t, dir, "drop/f", "x")
	f := d.at.Load()
	drop, err := f.top.open("drop")
	require.NoError(t, err)
	defer drop.close()
	require.NoError(t, os.Chmod(filepath.Join(dir, "drop"), 0o311))
	asNobody(t, func() {
		h, err := f.alone(ctx, drop, f.top)
		assert.NoError(t, err)
		_, err = f.top.lock(false, false)
		assert.ErrorIs(t, err, errHeld)
		h.release()
		h, err = f.share(ctx, drop)
		assert.NoError(t, err)
		h.release()
	})
	require.NoError(t, os.Chmod(filepath.Join(dir, "drop"), 0o755))
}
