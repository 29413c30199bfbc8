package quota_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/quota"
)

// moments is a storage whose files can be added up as they are at one moment. A
// listing cannot: it tells the size of each file when it comes to it.
type moments struct {
	*memfs.FS
	mu sync.Mutex
}

func (d *moments) sum(t *testing.T) (bytes, files int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return sum(t, d.FS, "/")
}

func (d *moments) Remove(ctx context.Context, s *paradise.Session, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.FS.Remove(ctx, s, name)
}

func (d *moments) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.FS.Rename(ctx, s, from, to, o)
}

func (d *moments) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	u, err := d.FS.Store(ctx, s, name, o)
	if err != nil {
		return nil, err
	}
	return &momentsUpload{u, d}, nil
}

type momentsUpload struct {
	paradise.Upload
	d *moments
}

func (u *momentsUpload) Commit(ctx context.Context) error {
	u.d.mu.Lock()
	defer u.d.mu.Unlock()
	return u.Upload.Commit(ctx)
}

// slowAnswer is a Store that settles at once, but whose answer comes late.
type slowAnswer struct {
	*quota.Memory
	wait chan struct{} // nil: at once
}

func (s *slowAnswer) Settle(ctx context.Context, key string, l quota.Lease, change quota.Usage) error {
	err := s.Memory.Settle(ctx, key, l, change)
	if s.wait != nil {
		<-s.wait
	}
	return err
}

// A change is in the Store or it is not. Whoever looked at the account between the
// Store's answer and the driver's note of it saw the change twice.
func TestAChangeIsCountedOnceWhileItIsSettled(t *testing.T) {
	for name, c := range map[string]struct {
		do           func(ctx context.Context, q *quota.Driver) error
		bytes, files int64
	}{
		"an upload": {func(ctx context.Context, q *quota.Driver) error {
			return store(ctx, q, "/new", 60, paradise.StoreOptions{})
		}, 90, 3},
		"an append": {func(ctx context.Context, q *quota.Driver) error {
			return store(ctx, q, "/a", 60, paradise.StoreOptions{Append: true})
		}, 90, 2},
		"a smaller version": {func(ctx context.Context, q *quota.Driver) error {
			return store(ctx, q, "/b", 5, paradise.StoreOptions{})
		}, 15, 2},
		"a removal": {func(ctx context.Context, q *quota.Driver) error { return q.Remove(ctx, anna, "/a") }, 20, 1},
		"a rename over a file": {func(ctx context.Context, q *quota.Driver) error {
			return q.Rename(ctx, anna, "/a", "/b", paradise.RenameOptions{})
		}, 10, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, s := memfs.New(), &slowAnswer{Memory: quota.NewMemory()}
				m.Put("/a", make([]byte, 10))
				m.Put("/b", make([]byte, 20))
				q := servers(t, 1, m, s, quota.Limits{Bytes: 100})[0]
				uses(t, q, 30, 2, "before")
				s.wait = make(chan struct{})
				done := make(chan error, 1)
				go func() { done <- c.do(t.Context(), q) }()
				synctest.Wait()
				uses(t, q, c.bytes, c.files, "while the answer is on its way")
				assert.EqualValues(t, 100-c.bytes, left(t, q))
				close(s.wait)
				require.NoError(t, <-done)
				uses(t, q, c.bytes, c.files, "in the end")
			})
		})
	}
}

// lostAnswer is a Store that settles and says that it failed.
type lostAnswer struct {
	*quota.Memory
	loses bool
}

func (s *lostAnswer) Settle(ctx context.Context, key string, l quota.Lease, change quota.Usage) error {
	err := s.Memory.Settle(ctx, key, l, change)
	if s.loses {
		return errors.New("connection reset")
	}
	return err
}

func TestAChangeWhoseSettleGotNoAnswerIsCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lostAnswer{Memory: quota.NewMemory(), loses: true}
		q := servers(t, 1, memfs.New(), s, quota.Limits{Bytes: 100})[0]
		put(t, q, "/f", 60)
		uses(t, q, 60, 1, "as the Store says")
		assert.EqualValues(t, 40, left(t, q))
		require.NoError(t, q.Remove(patience(t, 1), anna, "/f"), "its name is not kept")
		assert.EqualValues(t, 100, left(t, q))
		s.loses = false
		put(t, q, "/g", 100)
		uses(t, q, 100, 1, "in the end")
	})
}

// between is a storage that lets others in just before a folder is listed, once.
type between struct {
	*memfs.FS
	at string
	do func()
}

func (d *between) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	if do := d.do; do != nil && dir == d.at {
		d.do = nil
		do()
	}
	return d.FS.List(ctx, s, dir)
}

// A count goes from folder to folder. What moves meanwhile from one that it has not
// seen to one that it has changes no sum, and would be missing in the count.
func TestACountThatARenameHasSpoiledIsMadeAgain(t *testing.T) {
	for name, c := range map[string]struct{ at, from, to string }{
		"a file, to where the count has been":       {"/b", "/b/f", "/a/f"},
		"a file, to where the count is yet to come": {"/b", "/a/g", "/b/g"},
		"a folder, to where the count has been":     {"/b", "/b/d", "/a/d"},
		"a folder, to where the count is to come":   {"/b", "/a/e", "/b/e"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &between{FS: memfs.New(), at: c.at}
			for _, f := range []string{"/a/g", "/a/e/f", "/b/f", "/b/d/f"} {
				d.Put(f, make([]byte, 25))
			}
			a, b := two(t, quota.Limits{Bytes: 101}, d)
			d.do = func() {
				assert.NoError(t, b.Rename(t.Context(), anna, c.from, c.to, paradise.RenameOptions{}))
			}
			uses(t, a, 100, 4, "all files, once")
			assert.ErrorIs(t, store(t.Context(), a, "/new", 2, paradise.StoreOptions{}), paradise.ErrQuota)
		})
	}
}

// deaf is a Store that takes what has ended, and answers no question.
type deaf struct{ quota.Store }

func (deaf) Reserve(context.Context, string, quota.Lease, quota.Limits) (quota.Account, error) {
	return quota.Account{}, errors.New("unreachable")
}

func TestAMoveThatTheStoreWasNotToldOfSpoilsACountToo(t *testing.T) {
	d, s := &between{FS: memfs.New(), at: "/b"}, quota.NewMemory()
	d.Put("/a/", nil)
	d.Put("/b/f", make([]byte, 25))
	q := servers(t, 1, d, s, quota.Limits{})[0]
	other := servers(t, 1, d, deaf{s}, quota.Limits{})[0]
	d.do = func() {
		assert.NoError(t, other.Rename(t.Context(), anna, "/b/f", "/a/f", paradise.RenameOptions{}))
	}
	uses(t, q, 25, 1, "the file, once")
}
