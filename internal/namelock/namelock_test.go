package namelock_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/namelock"
)

var errTired = errors.New("tired of waiting")

// patience returns a ctx that ends after so many seconds, with errTired.
func patience(t *testing.T, seconds int) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Duration(seconds)*time.Second, errTired)
	t.Cleanup(cancel)
	return ctx
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestANameIsHeldByOneAtATime(t *testing.T) {
	var n namelock.Names
	counts := map[string]*int{"a": new(int), "b": new(int)}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 500 {
				name := string(rune('a' + i%2))
				assert.NoError(t, n.Lock(t.Context(), name))
				*counts[name]++ // the race detector watches
				n.Unlock(name)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 2000, *counts["a"])
	assert.Equal(t, 2000, *counts["b"])
}

func TestWhoWaitsForANameGivesUpWithItsCtx(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n namelock.Names
		require.NoError(t, n.Lock(t.Context(), "a"))
		assert.ErrorIs(t, n.Lock(patience(t, 1), "a"), errTired)
		require.NoError(t, n.Lock(t.Context(), "b"), "another name")
		n.Unlock("a")
		require.NoError(t, n.Lock(t.Context(), "a"), "nothing stays of who gave up")
	})
}

func TestANameGoesToThoseWhoWaitInTheOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n namelock.Names
		require.NoError(t, n.Lock(t.Context(), "a"))
		got := make(chan int, 3)
		for i := range 3 {
			go func() {
				if n.Lock(patience(t, []int{9, 1, 9}[i]), "a") == nil {
					got <- i
					n.Unlock("a")
				}
			}()
			synctest.Wait()
		}
		time.Sleep(2 * time.Second) // virtual time: the waiter in the middle gives up
		n.Unlock("a")
		assert.Equal(t, []int{0, 2}, []int{<-got, <-got})
	})
}

func TestATurnThatComesAsPatienceEndsIsNotLost(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			var n namelock.Names
			var tree namelock.Tree
			require.NoError(t, n.Lock(t.Context(), "a"))
			require.NoError(t, tree.Lock(t.Context()))
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				if n.Lock(ctx, "a") == nil {
					n.Unlock("a")
				}
			}()
			go func() {
				if tree.Lock(ctx) == nil {
					tree.Unlock()
				}
			}()
			synctest.Wait()
			go n.Unlock("a")
			go tree.Unlock()
			cancel()
			assert.NoError(t, n.Lock(patience(t, 1), "a"))
			assert.NoError(t, tree.Lock(patience(t, 1)))
		})
	}
}

func TestSeveralNamesAreTakenTogetherOrNotAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n namelock.Names
		require.NoError(t, n.Lock(t.Context(), "b"))
		_, err := n.LockAll(patience(t, 1), "c", "b", "a")
		require.ErrorIs(t, err, errTired)
		n.Unlock("b")
		unlock, err := n.LockAll(patience(t, 1), "c", "b", "a", "b")
		require.NoError(t, err, "none of them was kept, and one named twice is taken once")
		for _, name := range []string{"a", "b", "c"} {
			assert.ErrorIs(t, n.Lock(patience(t, 1), name), errTired)
		}
		unlock()
		for _, name := range []string{"a", "b", "c"} {
			assert.NoError(t, n.Lock(patience(t, 1), name))
		}
	})
}

func TestSeveralNamesInAnyOrderBlockNobodyForEver(t *testing.T) {
	var n namelock.Names
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 500 {
				names := []string{"a", "b"}
				if i%2 == 0 {
					names = []string{"b", "a"}
				}
				unlock, err := n.LockAll(t.Context(), names...)
				if assert.NoError(t, err) {
					unlock()
				}
			}
		})
	}
	wg.Wait()
}

func TestWhatIsFreeIsGivenEvenIfCtxHasEnded(t *testing.T) {
	var n namelock.Names
	var tree namelock.Tree
	require.NoError(t, n.Lock(ended(), "a"))
	require.NoError(t, tree.RLock(ended()))
	tree.RUnlock()
	require.NoError(t, tree.Lock(ended()))
	assert.Error(t, n.Lock(ended(), "a"), "but nothing is waited for")
	assert.Error(t, tree.RLock(ended()), "but nothing is waited for")
}

func TestUnlockOfWhatIsFreePanics(t *testing.T) {
	var n namelock.Names
	assert.Panics(t, func() { n.Unlock("a") })
	var tree namelock.Tree
	assert.Panics(t, tree.Unlock)
	assert.Panics(t, tree.RUnlock)
	require.NoError(t, tree.RLock(t.Context()))
	assert.Panics(t, tree.Unlock, "held together")
	tree.RUnlock()
	require.NoError(t, tree.Lock(t.Context()))
	assert.Panics(t, tree.RUnlock, "held alone")
}

func TestLocksThatAreFreeCostNoMemory(t *testing.T) {
	var n namelock.Names
	var tree namelock.Tree
	ctx := t.Context()
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_ = n.Lock(ctx, "a")
		n.Unlock("a")
		_ = tree.RLock(ctx)
		tree.RUnlock()
		_ = tree.Lock(ctx)
		tree.Unlock()
	}))
}

func TestATreeIsHeldByManyTogetherOrByOneAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tree namelock.Tree
		require.NoError(t, tree.RLock(t.Context()))
		require.NoError(t, tree.RLock(patience(t, 1)), "together")
		assert.ErrorIs(t, tree.Lock(patience(t, 1)), errTired, "held by two")
		tree.RUnlock()
		assert.ErrorIs(t, tree.Lock(patience(t, 1)), errTired, "held by one more")
		tree.RUnlock()
		require.NoError(t, tree.Lock(patience(t, 1)), "alone")
		assert.ErrorIs(t, tree.Lock(patience(t, 1)), errTired)
		assert.ErrorIs(t, tree.RLock(patience(t, 1)), errTired)
		tree.Unlock()
		require.NoError(t, tree.RLock(patience(t, 1)), "free again")
	})
}

func TestATreeGoesByArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tree namelock.Tree
		var order []string
		arrive := func(who string, lock func(context.Context) error) {
			go func() {
				assert.NoError(t, lock(t.Context()))
				order = append(order, who)
			}()
			synctest.Wait()
		}
		arrive("reads", tree.RLock)
		arrive("writes", tree.Lock)
		arrive("reads later", tree.RLock)
		assert.Equal(t, []string{"reads"}, order, "who reads later waits behind who writes")
		tree.RUnlock()
		synctest.Wait()
		assert.Equal(t, []string{"reads", "writes"}, order)
		tree.Unlock()
		synctest.Wait()
		assert.Equal(t, []string{"reads", "writes", "reads later"}, order)
	})
}

func TestWhoGivesUpATreeFreesThoseBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tree namelock.Tree
		require.NoError(t, tree.RLock(t.Context()))
		go func() { assert.ErrorIs(t, tree.Lock(patience(t, 2)), errTired) }()
		synctest.Wait()
		assert.ErrorIs(t, tree.RLock(patience(t, 1)), errTired, "while it waits")
		start := time.Now()
		require.NoError(t, tree.RLock(patience(t, 9)))
		assert.Equal(t, time.Second, time.Since(start), "as soon as it gave up")
	})
}

func TestATreeKeepsWritersApart(t *testing.T) {
	var tree namelock.Tree
	var wg sync.WaitGroup
	written := 0
	for i := range 8 {
		wg.Go(func() {
			for range 500 {
				if i%2 == 0 {
					assert.NoError(t, tree.Lock(t.Context()))
					written++ // the race detector watches
					tree.Unlock()
					continue
				}
				assert.NoError(t, tree.RLock(t.Context()))
				_ = fmt.Sprint(written)
				tree.RUnlock()
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 2000, written)
}

func BenchmarkFreeLocks(b *testing.B) {
	var n namelock.Names
	var tree namelock.Tree
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		_ = tree.RLock(ctx)
		_ = n.Lock(ctx, "/folder/file")
		n.Unlock("/folder/file")
		tree.RUnlock()
	}
}
