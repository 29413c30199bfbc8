package quota_test

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

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/quota"
)

var errTired = errors.New("tired of waiting")

// patience is a ctx that ends after so many seconds, with errTired.
func patience(t *testing.T, seconds int) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Duration(seconds)*time.Second, errTired)
	t.Cleanup(cancel)
	return ctx
}

// stuck is a storage where commits and the removal of one name wait.
type stuck struct {
	*memfs.FS
	name string
	wait chan struct{}
}

func (d *stuck) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	u, err := d.FS.Store(ctx, s, name, o)
	if err != nil || name != d.name {
		return u, err
	}
	return &stuckUpload{u, d}, nil
}

func (d *stuck) Remove(ctx context.Context, s *paradise.Session, name string) error {
	if name == d.name {
		<-d.wait
	}
	return d.FS.Remove(ctx, s, name)
}

type stuckUpload struct {
	paradise.Upload
	d *stuck
}

func (u *stuckUpload) Commit(ctx context.Context) error {
	<-u.d.wait
	return u.Upload.Commit(ctx)
}

// withStuck runs a rule in a bubble while the commit of /stuck hangs. Afterwards
// it goes on, and all that was not given up must add up.
func withStuck(t *testing.T, rule func(t *testing.T, q *quota.Driver)) {
	synctest.Test(t, func(t *testing.T) {
		d := &stuck{FS: memfs.New(), name: "/stuck", wait: make(chan struct{})}
		d.Put("/folder/", nil)
		d.Put("/f", make([]byte, 10))
		q := quota.New(d, quota.Options{})
		defer q.Close()
		u := begun(t, q, "/stuck", 5, paradise.StoreOptions{})
		committed := make(chan error, 1)
		go func() { committed <- u.Commit(t.Context()) }()
		synctest.Wait()
		rule(t, q)
		close(d.wait)
		require.NoError(t, <-committed)
		bytes, files := sum(t, d.FS, "/")
		uses(t, q, bytes, files, "the sum of the files")
		require.NoError(t, q.Rename(patience(t, 1), anna, "/folder", "/moved", paradise.RenameOptions{}), "nothing stays locked")
	})
}

func TestWhoMeetsAStuckCommitWaitsAsLongAsItsCtxLasts(t *testing.T) {
	for what, change := range map[string]func(ctx context.Context, q *quota.Driver) error{
		"a folder's new name": func(ctx context.Context, q *quota.Driver) error {
			return q.Rename(ctx, anna, "/folder", "/elsewhere", paradise.RenameOptions{})
		},
		"a rescan":            func(ctx context.Context, q *quota.Driver) error { return q.Rescan(ctx, anna) },
		"removal of the file": func(ctx context.Context, q *quota.Driver) error { return q.Remove(ctx, anna, "/stuck") },
		"another file's new name": func(ctx context.Context, q *quota.Driver) error {
			return q.Rename(ctx, anna, "/f", "/stuck", paradise.RenameOptions{})
		},
	} {
		t.Run(what, func(t *testing.T) {
			withStuck(t, func(t *testing.T, q *quota.Driver) {
				assert.ErrorIs(t, change(patience(t, 1), q), errTired)
			})
		})
	}
}

func TestWhoWaitsBehindAFolderThatWaitsToMoveMayGiveUpToo(t *testing.T) {
	withStuck(t, func(t *testing.T, q *quota.Driver) {
		u := begun(t, q, "/g", 3, paradise.StoreOptions{})
		moved := make(chan error, 1)
		ctx := patience(t, 3)
		go func() { moved <- q.Rename(ctx, anna, "/folder", "/elsewhere", paradise.RenameOptions{}) }()
		synctest.Wait()
		assert.ErrorIs(t, q.Remove(patience(t, 1), anna, "/f"), errTired)
		assert.ErrorIs(t, u.Commit(patience(t, 1)), errTired)
		u.Abort(t.Context(), errTired)
		require.NoError(t, q.Remove(patience(t, 9), anna, "/f"), "once the folder has given up")
		assert.ErrorIs(t, <-moved, errTired)
	})
}

func TestOtherNamesAreFreeWhileACommitIsStuck(t *testing.T) {
	withStuck(t, func(t *testing.T, q *quota.Driver) {
		require.NoError(t, store(patience(t, 1), q, "/g", 3, paradise.StoreOptions{}))
		require.NoError(t, q.Rename(patience(t, 1), anna, "/g", "/h", paradise.RenameOptions{}))
		require.NoError(t, q.Remove(patience(t, 1), anna, "/f"))
	})
}

func visitor(name, host string) *paradise.Session {
	return &paradise.Session{User: paradise.User{Name: name}, Host: host}
}

// visit lets many users in, one after the other.
func visit(t *testing.T, q *quota.Driver, users int) {
	t.Helper()
	for i := range users {
		_, _, err := q.Usage(t.Context(), visitor(fmt.Sprint("user", i), ""))
		require.NoError(t, err)
	}
}

func TestAccountsAtRestAreForgotten(t *testing.T) {
	q, _ := newQuota(t, quota.Limits{Bytes: 100})
	put(t, q, "/f", 10)
	visit(t, q, 5000)
	assert.LessOrEqual(t, quota.Accounts(q), 1024)
	uses(t, q, 10, 1, "the Store knows")
	put(t, q, "/f", 20)
	uses(t, q, 20, 1, "and counting goes on")
}

func TestAFailedCountLeavesNoAccountForEver(t *testing.T) {
	l := &lister{FileDriver: seeded()}
	l.fails.Store(true)
	q := quota.New(l, quota.Options{})
	defer q.Close()
	for i := range 5000 {
		_, _, err := q.Usage(t.Context(), visitor(fmt.Sprint("user", i), ""))
		require.Error(t, err)
	}
	assert.LessOrEqual(t, quota.Accounts(q), 1024)
}

func TestAnAccountWithARunningUploadIsNotForgotten(t *testing.T) {
	q, _ := newQuota(t, quota.Limits{Bytes: 100})
	u := begun(t, q, "/f", 60, paradise.StoreOptions{})
	visit(t, q, 5000)
	assert.EqualValues(t, 40, left(t, q), "its reservation counts")
	require.NoError(t, u.Commit(t.Context()))
	visit(t, q, 5000)
	uses(t, q, 60, 1, "committed")
}

func TestAnAccountThatACallWorksWithIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &stuck{FS: memfs.New(), name: "/stuck", wait: make(chan struct{})}
		d.Put("/stuck", nil)
		d.Put("/folder/", nil)
		q := quota.New(d, quota.Options{})
		defer q.Close()
		removed := make(chan error, 1)
		go func() { removed <- q.Remove(t.Context(), anna, "/stuck") }()
		synctest.Wait()
		visit(t, q, 5000)
		assert.ErrorIs(t, q.Rename(patience(t, 1), anna, "/folder", "/moved", paradise.RenameOptions{}), errTired, "its locks hold")
		close(d.wait)
		require.NoError(t, <-removed)
	})
}

func TestAnAccountThatIsBeingCountedIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{FileDriver: seeded(), wait: make(chan struct{})}
		q := quota.New(l, quota.Options{})
		defer q.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		const users = 1500
		for i := range 2 * users {
			_, _, err := q.Usage(ctx, visitor(fmt.Sprint("user", i%users), ""))
			require.ErrorIs(t, err, context.Canceled)
		}
		close(l.wait)
		synctest.Wait()
		visit(t, q, users)
		assert.EqualValues(t, 4*users, l.lists.Load(), "each was counted once")
	})
}

func TestWhatTheStoreIsYetToBeToldOutlivesItsAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newForgetful()
		q := quota.New(memfs.New(), quota.Options{Store: f, Limits: quota.Fixed(quota.Limits{Bytes: 2 << 20})})
		defer q.Close()
		put(t, q, "/f", 1<<20)
		visit(t, q, 5000)
		assert.LessOrEqual(t, quota.Accounts(q), 1024)
		assert.EqualValues(t, 1<<20, left(t, q), "it is still reserved")
		f.fails.Store(false)
		require.NoError(t, q.Remove(patience(t, 1), anna, "/f"), "the next change of the name tells it at once")
		uses(t, q, 0, 0, "both are told")
	})
}

func TestManyUsersAtOnceCountRightWhileAccountsAreForgotten(t *testing.T) {
	homes := map[string]*memfs.FS{}
	for i := range 8 {
		homes[fmt.Sprint("worker", i)] = memfs.New()
	}
	q := quota.New(byUser{homes: homes}, quota.Options{Store: &quota.Memory{}, Key: func(s *paradise.Session) string { return s.User.Name + s.Host }})
	defer q.Close()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := fmt.Sprint("worker", i)
			for n := range 1000 {
				// Each host is another account: it forces others out.
				_, _, err := q.Usage(t.Context(), visitor(name, fmt.Sprint(n)))
				assert.NoError(t, err)
				u, err := q.Store(t.Context(), visitor(name, ""), "/f", paradise.StoreOptions{Append: true})
				if !assert.NoError(t, err) {
					return
				}
				_, err = u.Write([]byte("x"))
				assert.NoError(t, err)
				assert.NoError(t, u.Commit(t.Context()))
			}
			used, _, err := q.Usage(t.Context(), visitor(name, ""))
			assert.NoError(t, err)
			assert.Equal(t, quota.Usage{Bytes: 1000, Files: 1}, used)
		})
	}
	wg.Wait()
}

func TestANameIsAnotherUserAtEachVirtualHost(t *testing.T) {
	m := quota.NewMemory()
	q := quota.New(memfs.New(), quota.Options{Store: m})
	defer q.Close()
	for key, u := range map[string]quota.Usage{"bob": {Bytes: 1}, "bob\na.example": {Bytes: 2}, "bob\nb.example": {Bytes: 3}} {
		require.NoError(t, m.Set(t.Context(), key, u))
	}
	for host, want := range map[string]int64{"": 1, "a.example": 2, "b.example": 3} {
		u, _, err := q.Usage(t.Context(), visitor("bob", host))
		require.NoError(t, err)
		assert.Equal(t, want, u.Bytes, "host %q; without one the key is the name, as in Stores of old", host)
	}
}

func TestTheZeroMemoryIsAnEmptyStore(t *testing.T) {
	var m quota.Memory
	_, known, err := m.Usage(t.Context(), "anna")
	require.NoError(t, err)
	assert.False(t, known)
	u, err := m.Add(t.Context(), "anna", quota.Usage{Bytes: 1, Files: 1})
	require.NoError(t, err)
	assert.Equal(t, quota.Usage{Bytes: 1, Files: 1}, u)
	var n quota.Memory
	require.NoError(t, n.Set(t.Context(), "anna", u))
}
