package quota

import (
	"context"
	"errors"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/namelock"
)

// account is one key's locks and running uploads; what it uses is in the Store.
type account struct {
	q     *Driver
	key   string
	users int           // calls that work with it; guarded by q.mu
	tree  namelock.Tree // held alone while a folder moves or all is counted
	names namelock.Names

	mu      sync.Mutex
	known   bool          // the Store has said that it is counted
	loading chan struct{} // closed when the count that runs has ended
	loadErr error         // of the last one
	recount bool          // it will be counted anew
	running map[*upload]struct{}
}

// account returns a session's account once its files are counted. Whoever has it
// calls done; a running upload keeps it besides.
func (q *Driver) account(ctx context.Context, s *paradise.Session) (*account, error) {
	a := q.use(q.o.Key(s))
	if err := a.load(ctx, s); err != nil {
		a.done()
		return nil, err
	}
	return a, nil
}

func (q *Driver) use(key string) *account {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.accounts[key]
	if a == nil {
		q.makeRoom()
		a = &account{q: q, key: key}
		q.accounts[key] = a
	}
	a.users++
	return a
}

// done says that a call works with the account no more.
func (a *account) done() {
	a.q.mu.Lock()
	defer a.q.mu.Unlock()
	a.users--
}

// manyAccounts is how many accounts are kept before one at rest is forgotten.
const manyAccounts = 1024

// makeRoom forgets the accounts at rest once they are many, all in one go, and
// not again before as many have come: so a new account costs little on average.
// The caller holds q.mu.
func (q *Driver) makeRoom() {
	if len(q.accounts) < max(q.many, manyAccounts) {
		return
	}
	maps.DeleteFunc(q.accounts, func(_ string, a *account) bool { return a.rests() })
	q.many = 2 * len(q.accounts)
}

// rests reports whether nobody works with the account. What the Store has not been
// told yet is kept by the lease. The caller holds q.mu.
func (a *account) rests() bool {
	// One whose lock is taken does not rest, and must not hold up the other accounts.
	if a.users > 0 || !a.mu.TryLock() {
		return false
	}
	defer a.mu.Unlock()
	return a.loading == nil && !a.recount && len(a.running) == 0
}

// load waits until the account is counted. A count may outlast the patience of the
// session that caused it; it goes on for the next one.
func (a *account) load(ctx context.Context, s *paradise.Session) error {
	a.mu.Lock()
	if a.known {
		a.mu.Unlock()
		return nil
	}
	done := a.loading
	if done == nil {
		done = make(chan struct{})
		a.loading = done
		a.q.scans.Go(func() { a.loaded(a.count(s), done) })
	}
	a.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known {
		return nil
	}
	return a.loadErr
}

func (a *account) loaded(err error, done chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known, a.loadErr, a.loading = err == nil, err, nil
	close(done)
}

// forget makes the next one who needs the usage ask the Store, which has lost it.
func (a *account) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known = false
}

// count sees to it that the Store knows the usage. Others may change files
// meanwhile; if that spoils the count, it is made once more, and then they wait.
func (a *account) count(s *paradise.Session) error {
	acc, err := a.q.o.Store.Account(a.q.ctx, a.key)
	if err != nil || acc.Counted {
		return err
	}
	u, err := a.scan(a.q.ctx, s)
	if err != nil {
		return err
	}
	counted, err := a.q.o.Store.Count(a.q.ctx, a.key, u, acc.Version, "")
	if err != nil || counted {
		return err
	}
	if acc, err = a.q.o.Store.Account(a.q.ctx, a.key); err != nil || acc.Counted {
		return err
	}
	return a.countAlone(a.q.ctx, s)
}

// countAlone counts while nobody, on this server or another, changes files.
func (a *account) countAlone(ctx context.Context, s *paradise.Session) error {
	if err := a.tree.Lock(ctx); err != nil {
		return err
	}
	defer a.tree.Unlock()
	l := a.lease(Limits{})
	defer l.settle(ctx, Usage{})
	if err := l.claim(ctx, true); err != nil {
		return err
	}
	acc, err := a.q.o.Store.Account(ctx, a.key)
	if err != nil {
		return err
	}
	u, err := a.scan(ctx, s)
	if err != nil {
		return err
	}
	counted, err := a.q.o.Store.Count(ctx, a.key, u, acc.Version, l.id)
	if err == nil && !counted {
		err = errChanged
	}
	return err
}

var errChanged = errors.New("quota: the account was changed while its files were counted")

// lateness is after what time a storage whose answer was lost has done what it was
// asked, or will not.
const lateness = time.Minute

// countLater counts anew what an unknown outcome has left in doubt.
func (a *account) countLater(s *paradise.Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.recount {
		return
	}
	a.recount = true
	session := *s
	a.q.scans.Go(func() {
		select {
		case <-a.q.ctx.Done():
		case <-time.After(lateness):
		}
		a.mu.Lock()
		a.recount = false
		a.mu.Unlock()
		if err := a.countAlone(a.q.ctx, &session); err != nil {
			a.q.o.Logger.Error("files are not counted anew", "account", a.key, "error", err)
		}
	})
}

// now is where the account stands, as the Store says.
func (a *account) now(ctx context.Context, s *paradise.Session) (Account, error) {
	acc, err := a.q.o.Store.Account(ctx, a.key)
	if err == nil && !acc.Counted { // it has lost the account
		a.forget()
		if err = a.load(ctx, s); err == nil {
			acc, err = a.q.o.Store.Account(ctx, a.key)
		}
	}
	return acc, err
}

// left is how many bytes an upload of a new file may have.
func (acc Account) left(l Limits) int64 {
	if room(l.Files, acc.Used.Files+acc.Held.Files) == 0 {
		return 0
	}
	return room(l.Bytes, acc.Used.Bytes+acc.Held.Bytes)
}

// full says that not one byte more can be reserved.
func (acc Account) full(l Limits) bool { return room(l.Bytes, acc.Used.Bytes+acc.Held.Bytes) == 0 }

// room is what a limit leaves; never less than nothing.
func room(limit, taken int64) int64 {
	if limit == 0 {
		return math.MaxInt64
	}
	return max(limit-taken, 0)
}

// changing holds names still, on this server, while what they stand for is looked at
// and changed, and returns the keys that it holds. The driver may be stuck in such a
// change, so others wait as long as ctx lasts.
func (a *account) changing(ctx context.Context, s *paradise.Session, names ...string) (keys []string, unlock func(), err error) {
	if err := a.tree.RLock(ctx); err != nil {
		return nil, nil, err
	}
	keys = a.keys(ctx, s, names)
	free, err := a.names.LockAll(ctx, keys...)
	if err != nil {
		a.tree.RUnlock()
		return nil, nil, err
	}
	return keys, func() {
		free()
		a.tree.RUnlock()
	}, nil
}

// keys are what names are held by: themselves, and where links may lead to folders
// what is the same by whatever path, the folder's identity and the name in it. That is
// no path, for paths begin with a slash.
func (a *account) keys(ctx context.Context, s *paradise.Session, names []string) []string {
	keys := slices.Clone(names)
	if a.q.Features(s)&paradise.FeatureLinks == 0 {
		return keys
	}
	for _, name := range names {
		dir, base := path.Split(name)
		e, err := a.q.FileDriver.Stat(ctx, s, path.Clean(dir))
		if err == nil && e.Unique != "" {
			keys = append(keys, e.Unique+"\n"+base)
		}
	}
	return keys
}

// announce holds keys still on all servers, or with alone everything. What only
// frees goes on without a Store that does not answer.
func (a *account) announce(ctx context.Context, alone bool, keys []string) (*lease, error) {
	l := a.lease(Limits{})
	err := l.claim(ctx, alone, keys...)
	if err != nil && ctx.Err() != nil {
		l.settle(ctx, Usage{})
		return nil, context.Cause(ctx)
	}
	if err != nil {
		a.q.o.Logger.Warn("quota store does not answer; a change goes on without it", "account", a.key, "error", err)
		l.claimLater(alone, keys)
	}
	return l, nil
}

func (a *account) enter(u *upload) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running == nil {
		a.running = make(map[*upload]struct{})
	}
	a.running[u] = struct{}{}
}

func (a *account) leave(u *upload) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.running, u)
}

// folderMoved tells running uploads that their file may come to lie elsewhere.
// The caller holds tree alone.
func (a *account) folderMoved(from, to string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for u := range a.running {
		if rest, below := strings.CutPrefix(u.moved, from+"/"); below {
			u.moved = to + "/" + rest
		}
	}
}
