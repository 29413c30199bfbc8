package quota

import (
	"context"
	"maps"
	"math"
	"strings"
	"sync"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/namelock"
)

// account is one key's usage and what its running uploads have reserved.
type account struct {
	q     *Driver
	key   string
	users int           // calls that work with it; guarded by q.mu
	tree  namelock.Tree // held alone while a folder moves or all is counted
	names namelock.Names

	mu      sync.Mutex
	known   bool
	loading chan struct{} // closed when the scan that runs has ended
	loadErr error         // of the last one
	used    Usage
	held    Usage
	owed    Usage // changes that the Store refused to take
	running map[*upload]struct{}
}

// account returns a session's account once its usage is known. Whoever has it
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

// rests reports whether the Store knows all that the account does. The caller
// holds q.mu.
func (a *account) rests() bool {
	// One whose lock is taken does not rest; and a Store that is stuck, under that
	// lock, must not hold up the other accounts.
	if a.users > 0 || !a.mu.TryLock() {
		return false
	}
	defer a.mu.Unlock()
	return a.loading == nil && len(a.running) == 0 && a.owed == Usage{}
}

// load waits for the usage. A scan may outlast the patience of the session that
// caused it; it goes on for the next one.
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
		a.q.scans.Go(func() { a.count(s, done) })
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

func (a *account) count(s *paradise.Session, done chan struct{}) {
	u, err := a.initial(s)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known, a.loadErr, a.loading = err == nil, err, nil
	a.used = u
	close(done)
}

func (a *account) initial(s *paradise.Session) (Usage, error) {
	u, ok, err := a.q.o.Store.Usage(a.q.ctx, a.key)
	if err != nil || ok {
		return u, err
	}
	if u, err = scan(a.q.ctx, a.q.FileDriver, s); err != nil {
		return Usage{}, err
	}
	return u, a.q.o.Store.Set(a.q.ctx, a.key, u)
}

func (a *account) usage() Usage {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.used
}

func (a *account) set(ctx context.Context, u Usage) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.q.o.Store.Set(ctx, a.key, u); err != nil {
		return err
	}
	a.used, a.owed = u, Usage{}
	return nil
}

// add makes a change that has happened. A Store that fails gets it next time.
func (a *account) add(ctx context.Context, d Usage) {
	if d == (Usage{}) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.addLocked(ctx, d)
}

func (a *account) addLocked(ctx context.Context, d Usage) {
	d = d.plus(a.owed)
	now, err := a.q.o.Store.Add(context.WithoutCancel(ctx), a.key, d)
	if err != nil {
		a.used = a.used.plus(d).plus(Usage{-a.owed.Bytes, -a.owed.Files})
		a.owed = d
		return
	}
	a.used, a.owed = now, Usage{}
}

// reserve takes room for a running upload, or none.
func (a *account) reserve(l Limits, want Usage) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if want.Bytes > room(l.Bytes, a.used.Bytes+a.held.Bytes) || want.Files > room(l.Files, a.used.Files+a.held.Files) {
		return paradise.ErrQuota
	}
	a.held = a.held.plus(want)
	return nil
}

// settle turns what an upload had reserved into the change that it made.
func (a *account) settle(ctx context.Context, held, change Usage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held = a.held.plus(Usage{-held.Bytes, -held.Files})
	if change != (Usage{}) {
		a.addLocked(ctx, change)
	}
}

// left is how many bytes an upload of a new file may have.
func (a *account) left(l Limits) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if room(l.Files, a.used.Files+a.held.Files) == 0 {
		return 0
	}
	return room(l.Bytes, a.used.Bytes+a.held.Bytes)
}

// room is what a limit leaves; never less than nothing.
func room(limit, taken int64) int64 {
	if limit == 0 {
		return math.MaxInt64
	}
	return max(limit-taken, 0)
}

// changing holds names still while what they stand for is looked at and changed.
// The driver may be stuck in such a change, so others wait as long as ctx lasts.
func (a *account) changing(ctx context.Context, names ...string) (unlock func(), err error) {
	if err := a.tree.RLock(ctx); err != nil {
		return nil, err
	}
	free, err := a.names.LockAll(ctx, names...)
	if err != nil {
		a.tree.RUnlock()
		return nil, err
	}
	return func() {
		free()
		a.tree.RUnlock()
	}, nil
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
