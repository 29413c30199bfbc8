package quota_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/quota"
)

// servers are several drivers on one storage and one Store, as replicas are, or the
// two generations of a restart.
func servers(t *testing.T, n int, m paradise.FileDriver, s quota.Store, l quota.Limits) []*quota.Driver {
	t.Helper()
	var all []*quota.Driver
	for range n {
		q := quota.New(m, quota.Options{Limits: quota.Fixed(l), Step: 1, Store: s})
		t.Cleanup(func() { assert.NoError(t, q.Close()) })
		all = append(all, q)
	}
	return all
}

func two(t *testing.T, l quota.Limits, d paradise.FileDriver) (a, b *quota.Driver) {
	t.Helper()
	all := servers(t, 2, d, quota.NewMemory(), l)
	return all[0], all[1]
}

func TestServersThatShareAStoreShareTheLimit(t *testing.T) {
	hundred := quota.Limits{Bytes: 100, Files: 3}
	for _, c := range []struct {
		name string
		do   func(t *testing.T, a, b *quota.Driver)
	}{
		{"one upload after the other", func(t *testing.T, a, b *quota.Driver) {
			put(t, a, "/a", 99)
			assert.ErrorIs(t, store(t.Context(), b, "/b", 100, paradise.StoreOptions{}), paradise.ErrQuota)
			put(t, b, "/b", 1)
		}},
		{"both know the account, then one after the other", func(t *testing.T, a, b *quota.Driver) {
			uses(t, a, 0, 0, "counted")
			uses(t, b, 0, 0, "counted")
			put(t, a, "/a", 99)
			assert.ErrorIs(t, store(t.Context(), b, "/b", 100, paradise.StoreOptions{}), paradise.ErrQuota)
			put(t, b, "/b", 1)
		}},
		{"two at once", func(t *testing.T, a, b *quota.Driver) {
			u := begun(t, a, "/a", 60, paradise.StoreOptions{})
			assert.EqualValues(t, 40, left(t, b), "AVBL says so")
			v := begun(t, b, "/b", 40, paradise.StoreOptions{})
			_, err := v.Write([]byte("x"))
			assert.ErrorIs(t, err, paradise.ErrQuota)
			v.Abort(t.Context(), err)
			require.NoError(t, u.Commit(t.Context()))
			put(t, b, "/b", 40)
		}},
		{"files", func(t *testing.T, a, b *quota.Driver) {
			u := begun(t, a, "/a", 1, paradise.StoreOptions{})
			put(t, b, "/b", 98)
			put(t, b, "/c", 1)
			_, err := b.Store(t.Context(), anna, "/d", paradise.StoreOptions{})
			assert.ErrorIs(t, err, paradise.ErrQuota)
			require.NoError(t, u.Commit(t.Context()))
		}},
		{"an append to what the other stored", func(t *testing.T, a, b *quota.Driver) {
			put(t, a, "/a", 60)
			assert.ErrorIs(t, store(t.Context(), b, "/a", 41, paradise.StoreOptions{Append: true}), paradise.ErrQuota)
			require.NoError(t, store(t.Context(), b, "/a", 40, paradise.StoreOptions{Append: true}))
		}},
		{"the credit of a file that the other removes", func(t *testing.T, a, b *quota.Driver) {
			put(t, a, "/a", 100)
			u := begun(t, a, "/a", 100, paradise.StoreOptions{})
			require.NoError(t, b.Remove(t.Context(), anna, "/a"))
			put(t, b, "/b", 50)
			err := u.Commit(t.Context())
			assert.ErrorIs(t, err, paradise.ErrQuota)
			u.Abort(t.Context(), err)
			put(t, a, "/a", 50)
		}},
		{"a rename over the other's file", func(t *testing.T, a, b *quota.Driver) {
			put(t, a, "/a", 50)
			put(t, b, "/b", 50)
			require.NoError(t, b.Rename(t.Context(), anna, "/a", "/b", paradise.RenameOptions{}))
			put(t, a, "/c", 50)
		}},
		{"a folder that the other moves during an upload", func(t *testing.T, a, b *quota.Driver) {
			require.NoError(t, a.Mkdir(t.Context(), anna, "/d"))
			put(t, a, "/d/a", 40)
			u := begun(t, a, "/d/b", 60, paradise.StoreOptions{})
			require.NoError(t, b.Rename(t.Context(), anna, "/d", "/e", paradise.RenameOptions{}))
			if err := u.Commit(t.Context()); err != nil {
				u.Abort(t.Context(), err)
				put(t, b, "/e/b", 60)
			}
		}},
		{"an announced size", func(t *testing.T, a, b *quota.Driver) {
			u, err := a.Store(t.Context(), anna, "/a", paradise.StoreOptions{SizeHint: 90})
			require.NoError(t, err)
			_, err = b.Store(t.Context(), anna, "/b", paradise.StoreOptions{SizeHint: 11})
			assert.ErrorIs(t, err, paradise.ErrQuota)
			u.Abort(t.Context(), errTired)
			put(t, b, "/b", 100)
		}},
		{"a count anew", func(t *testing.T, a, b *quota.Driver) {
			put(t, a, "/a", 99)
			require.NoError(t, b.Rescan(t.Context(), anna))
			assert.ErrorIs(t, store(t.Context(), b, "/b", 2, paradise.StoreOptions{}), paradise.ErrQuota)
			put(t, b, "/b", 1)
		}},
	} {
		for seed, where := range []string{"memory", "folder"} {
			t.Run(c.name+" in "+where, func(t *testing.T) {
				d := storage(t, uint64(seed))
				a, b := two(t, hundred, d)
				c.do(t, a, b)
				bytes, files := sum(t, d, "/")
				assert.EqualValues(t, 100, bytes, "all that fits, and no more")
				for _, q := range []*quota.Driver{a, b} {
					uses(t, q, bytes, files, "the sum of the files, on each")
					assert.Zero(t, left(t, q))
				}
			})
		}
	}
}

func TestWhatADeadServerHadReservedComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := two(t, quota.Limits{Bytes: 100}, memfs.New())
		begun(t, a, "/a", 100, paradise.StoreOptions{})
		assert.Zero(t, left(t, b))
		require.NoError(t, a.Close()) // it renews nothing any more, like the dead
		time.Sleep(29 * time.Second)  // of the bubble's clock
		assert.Zero(t, left(t, b), "it may live yet")
		time.Sleep(time.Second)
		assert.EqualValues(t, 100, left(t, b))
		put(t, b, "/b", 100)
	})
}

func TestALivingServerKeepsItsReservations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := two(t, quota.Limits{Bytes: 100}, memfs.New())
		slow := begun(t, a, "/slow", 60, paradise.StoreOptions{})
		time.Sleep(time.Hour) // of the bubble's clock
		assert.EqualValues(t, 40, left(t, b))
		require.NoError(t, slow.Commit(t.Context()))
		time.Sleep(time.Hour)
		uses(t, b, 60, 1, "and then it is a file")
	})
}

func TestAServerThatWasHeldUpAsksAnewBeforeItCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memfs.New()
		a, b := two(t, quota.Limits{Bytes: 100}, m)
		u := begun(t, a, "/a", 60, paradise.StoreOptions{})
		require.NoError(t, a.Close()) // nothing is renewed
		time.Sleep(time.Minute)
		put(t, b, "/b", 50)
		err := u.Commit(t.Context())
		require.ErrorIs(t, err, paradise.ErrQuota)
		u.Abort(t.Context(), err)
		bytes, _ := sum(t, m, "/")
		assert.EqualValues(t, 50, bytes)
		assert.EqualValues(t, 50, left(t, b))
	})
}

func TestAStoreThatLostItsAccountsGetsThemCounted(t *testing.T) {
	s := &swapped{Store: quota.NewMemory()}
	m := memfs.New()
	q := servers(t, 1, m, s, quota.Limits{Bytes: 100})[0]
	put(t, q, "/a", 60)
	u := begun(t, q, "/b", 10, paradise.StoreOptions{})
	s.Store = quota.NewMemory()
	uses(t, q, 60, 1, "counted anew")
	require.NoError(t, u.Commit(t.Context()))
	s.Store = quota.NewMemory()
	assert.ErrorIs(t, store(t.Context(), q, "/c", 31, paradise.StoreOptions{}), paradise.ErrQuota)
	s.Store = quota.NewMemory()
	require.NoError(t, q.Remove(t.Context(), anna, "/b"))
	uses(t, q, 60, 1, "and again")
}

type swapped struct{ quota.Store }

// pausing is a storage where one folder is listed, or a removal ends, only once it
// may.
type pausing struct {
	*memfs.FS
	at       string
	wait     chan struct{}
	removing bool
}

func (d *pausing) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	if dir == d.at {
		<-d.wait
	}
	return d.FS.List(ctx, s, dir)
}

func (d *pausing) Remove(ctx context.Context, s *paradise.Session, name string) error {
	err := d.FS.Remove(ctx, s, name)
	if d.removing {
		<-d.wait
	}
	return err
}

func TestACountThatARemovalHasSpoiledIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &pausing{FS: seeded(), at: "/d", wait: make(chan struct{})}
		a, b := two(t, quota.Limits{Bytes: 100}, d)
		results := make(chan error, 2)
		for i, q := range []*quota.Driver{a, b} {
			go func() { results <- store(t.Context(), q, fmt.Sprint("/new", i), 25, paradise.StoreOptions{}) }()
		}
		synctest.Wait() // both have counted /a and nothing below /d
		require.NoError(t, a.Remove(t.Context(), anna, "/a"), "nobody waits for a count to remove")
		require.NoError(t, b.Remove(t.Context(), anna, "/d/b"))
		close(d.wait)
		require.NoError(t, <-results)
		require.NoError(t, <-results)
		for _, q := range []*quota.Driver{a, b} {
			uses(t, q, 80, 3, "60 were there, 30 went, 50 came")
		}
	})
}

func TestACountWaitsForAChangeThatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &pausing{FS: seeded(), wait: make(chan struct{}), removing: true}
		a, b := two(t, quota.Limits{Bytes: 100}, d)
		removed := make(chan error, 1)
		go func() { removed <- a.Remove(t.Context(), anna, "/a") }()
		synctest.Wait() // it has gone, and a does not know yet
		_, _, err := b.Usage(patience(t, 1), anna)
		assert.ErrorIs(t, err, errTired)
		close(d.wait)
		require.NoError(t, <-removed)
		uses(t, b, 50, 2, "without /a, once")
	})
}

func TestNamesBelongToOneServerAtATime(t *testing.T) {
	none := paradise.RenameOptions{}
	synctest.Test(t, func(t *testing.T) {
		d := &stuck{FS: memfs.New(), name: "/stuck", wait: make(chan struct{})}
		d.Put("/stuck", make([]byte, 5))
		d.Put("/f", make([]byte, 5))
		d.Put("/folder/", nil)
		a, b := two(t, quota.Limits{Bytes: 100}, d)
		uses(t, b, 10, 2, "counted")
		u := begun(t, b, "/other", 3, paradise.StoreOptions{})
		removed := make(chan error, 1)
		go func() { removed <- a.Remove(t.Context(), anna, "/stuck") }()
		synctest.Wait()
		assert.ErrorIs(t, store(patience(t, 1), b, "/stuck", 1, paradise.StoreOptions{}), errTired)
		assert.ErrorIs(t, b.Rename(patience(t, 1), anna, "/f", "/stuck", none), errTired)
		assert.ErrorIs(t, b.Rename(patience(t, 1), anna, "/stuck", "/g", none), errTired)
		assert.ErrorIs(t, b.Rename(patience(t, 1), anna, "/folder", "/moved", none), errTired)
		assert.ErrorIs(t, b.Rescan(patience(t, 1), anna), errTired)
		require.NoError(t, u.Commit(patience(t, 1)), "other names are free")
		require.NoError(t, b.Rename(patience(t, 1), anna, "/f", "/g", none))
		close(d.wait)
		require.NoError(t, <-removed)
		uses(t, b, 8, 2, "in the end")
		require.NoError(t, b.Rename(patience(t, 1), anna, "/folder", "/moved", none), "nothing stays taken")
	})
}

func TestACommitThatIsRefusedGivesItsNamesBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memfs.New()
		m.Put("/a", make([]byte, 100))
		a, b := two(t, quota.Limits{Bytes: 100}, m)
		u := begun(t, a, "/a", 100, paradise.StoreOptions{})
		require.NoError(t, b.Remove(t.Context(), anna, "/a"))
		put(t, b, "/b", 50)
		require.ErrorIs(t, u.Commit(t.Context()), paradise.ErrQuota)
		require.NoError(t, store(patience(t, 1), b, "/a", 1, paradise.StoreOptions{}), "before Abort, which may be slow")
		u.Abort(t.Context(), paradise.ErrQuota)
		uses(t, a, 51, 2, "in the end")
	})
}

// Several servers, few names, all at once: never over the limit, and when all has
// ended each byte is counted and none is held.
func TestServersAtOnceStayBelowTheLimit(t *testing.T) {
	const limit, files = 2000, 6
	for seed := range uint64(3) {
		m, s := &moments{FS: memfs.New()}, quota.NewMemory()
		m.Put("/x/a", make([]byte, 100))
		all := servers(t, 3, m, s, quota.Limits{Bytes: limit, Files: files})
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				w := &sharer{t: t, q: all[i%3], r: rand.New(rand.NewPCG(seed, uint64(i)))}
				for range 60 {
					w.step(t.Context())
					bytes, n := m.sum(t)
					assert.LessOrEqual(t, bytes, int64(limit))
					assert.LessOrEqual(t, n, int64(files))
				}
			})
		}
		wg.Wait()
		acc, err := s.Account(t.Context(), "anna")
		require.NoError(t, err)
		bytes, n := m.sum(t)
		assert.Equal(t, quota.Usage{Bytes: bytes, Files: n}, acc.Used, "seed %d", seed)
		assert.Zero(t, acc.Held, "seed %d", seed)
	}
}

// sharer makes random changes beside others, in folders that move.
type sharer struct {
	t *testing.T
	q *quota.Driver
	r *rand.Rand
}

func (w *sharer) folder() string { return "/" + string(rune('x'+w.r.IntN(3))) }

func (w *sharer) name() string {
	name := "/" + string(rune('a'+w.r.IntN(4)))
	if w.r.IntN(2) == 0 {
		return name
	}
	return w.folder() + name
}

func (w *sharer) step(ctx context.Context) {
	var err error
	switch w.r.IntN(10) {
	case 0:
		err = w.q.Remove(ctx, anna, w.name())
	case 1:
		err = w.q.Rename(ctx, anna, w.name(), w.name(), paradise.RenameOptions{NoReplace: w.r.IntN(2) == 0})
	case 2:
		err = w.q.Rescan(ctx, anna)
		assert.NoError(w.t, err)
	case 3:
		err = w.q.Rename(ctx, anna, w.folder(), w.folder(), paradise.RenameOptions{})
	case 4:
		err = w.q.Mkdir(ctx, anna, w.folder())
	default:
		o := paradise.StoreOptions{Append: w.r.IntN(3) == 0, Exclusive: w.r.IntN(5) == 0}
		if !o.Append && w.r.IntN(4) == 0 {
			o.Offset = w.r.Int64N(50)
		}
		err = store(ctx, w.q, w.name(), w.r.IntN(700), o)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		assert.NoError(w.t, err)
	}
}
