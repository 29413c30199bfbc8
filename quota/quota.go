// Package quota bounds the bytes and files that each user may store, around any
// [paradise.FileDriver].
//
// What an upload needs is reserved in steps while it is written, so that uploads
// that run at once cannot exceed a limit together; it is released when the upload
// fails and becomes usage, once, when it is committed: as the difference to the
// file that it replaces. Overwriting a file by a smaller one therefore frees, and
// does so also for a user who has nothing left. Removing a file, and renaming one
// over another, free at once. Folders do not count.
//
// Sizes are asked of the wrapped driver by Stat. One that has no Stat, or whose
// files change without the wrapper's knowledge, makes the numbers drift:
// [Driver.Rescan] counts anew. Symbolic links are not followed and count nothing;
// removing one takes off what it leads to, until the next scan.
package quota

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math"
	"sync"

	"github.com/paradiseftp/paradise"
)

// Limits bound what one account may store. Zero: no bound; negative: nothing may
// be stored.
type Limits struct {
	Bytes int64
	Files int64
}

// Usage is what an account stores.
type Usage struct {
	Bytes int64 `json:"bytes"`
	Files int64 `json:"files"`
}

func (u Usage) plus(d Usage) Usage { return Usage{u.Bytes + d.Bytes, u.Files + d.Files} }

// Options say how a [Driver] counts.
type Options struct {
	// Limits returns the bounds for a session; it is asked at each upload and
	// must be fast. Nil: nothing is bounded, but usage is counted. See [Fixed].
	Limits func(s *paradise.Session) Limits

	// Key names the account that a session's files are counted under. Sessions
	// that see the same files must have the same key. Nil: the user's name, which
	// is right where each user has a folder of its own; at a virtual host the
	// name, a line break and the host, for a name may be another user's there.
	// Where hosts share their users' folders, as with the default names of
	// osfs.Homes, give a Key that returns s.User.Name, lest a user has the limits
	// once per host.
	Key func(s *paradise.Session) string

	// Store keeps the usage. Nil: memory, filled by a scan of an account's files
	// when it is first needed.
	Store Store

	// Step is how many bytes an upload reserves at a time. Zero: 1 MiB.
	Step int64
}

// Fixed is the same limits for everybody.
func Fixed(l Limits) func(*paradise.Session) Limits {
	return func(*paradise.Session) Limits { return l }
}

// Driver is a FileDriver with a quota. New makes one. It is safe for concurrent
// use. Of accounts that nobody works with it keeps a thousand or so, at less than
// half a kilobyte each; the usage of the others is asked of the Store again.
type Driver struct {
	paradise.FileDriver
	o Options

	ctx    context.Context // of scans: they go on for the next session
	cancel context.CancelFunc
	scans  sync.WaitGroup

	mu       sync.Mutex
	accounts map[string]*account
	many     int // how many make it look for accounts at rest
}

var _ paradise.FileDriver = (*Driver)(nil)

// New wraps d. Close it when the server has stopped; d and the Store stay the
// caller's.
func New(d paradise.FileDriver, o Options) *Driver {
	if o.Limits == nil {
		o.Limits = Fixed(Limits{})
	}
	if o.Key == nil {
		o.Key = userKey
	}
	if o.Store == nil {
		o.Store = NewMemory()
	}
	o.Step = cmp.Or(max(o.Step, 0), 1<<20)
	q := &Driver{FileDriver: d, o: o, accounts: make(map[string]*account)}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	return q
}

// userKey is the default key. No command has a line break in it, so no name that
// a client sends is another one's key.
func userKey(s *paradise.Session) string {
	if s.Host == "" {
		return s.User.Name
	}
	return s.User.Name + "\n" + s.Host
}

// Close ends scans that still run.
func (q *Driver) Close() error {
	q.cancel()
	q.scans.Wait()
	return nil
}

// Usage returns what a session's account uses and its limits. Running uploads
// are not in it.
func (q *Driver) Usage(ctx context.Context, s *paradise.Session) (Usage, Limits, error) {
	a, err := q.account(ctx, s)
	if err != nil {
		return Usage{}, Limits{}, err
	}
	defer a.done()
	return a.usage(), q.o.Limits(s), nil
}

// Rescan counts a session's account anew. Changes by the account wait for it.
func (q *Driver) Rescan(ctx context.Context, s *paradise.Session) error {
	a, err := q.account(ctx, s)
	if err != nil {
		return err
	}
	defer a.done()
	if err := a.tree.Lock(ctx); err != nil {
		return err
	}
	defer a.tree.Unlock()
	u, err := scan(ctx, q.FileDriver, s)
	if err != nil {
		return err
	}
	return a.set(ctx, u)
}

// Features implements [paradise.FileDriver]: those of the wrapped driver, and
// Space.
func (q *Driver) Features(s *paradise.Session) paradise.Features {
	return q.FileDriver.Features(s) | paradise.FeatureSpace
}

// Space implements [paradise.FileDriver]: what the quota leaves or what the
// storage has, whichever is less.
func (q *Driver) Space(ctx context.Context, s *paradise.Session, dir string) (int64, error) {
	free, err := q.FileDriver.Space(ctx, s, dir)
	if errors.Is(err, errors.ErrUnsupported) {
		free, err = math.MaxInt64, nil
	}
	if err != nil {
		return 0, err
	}
	a, err := q.account(ctx, s)
	if err != nil {
		return 0, err
	}
	defer a.done()
	return min(free, a.left(q.o.Limits(s))), nil
}

// Copy implements [paradise.FileDriver]: the core copies through Store, so that
// copies count.
func (q *Driver) Copy(context.Context, *paradise.Session, string, string, paradise.CopyOptions) error {
	return errors.ErrUnsupported
}

// Remove implements [paradise.FileDriver].
func (q *Driver) Remove(ctx context.Context, s *paradise.Session, name string) error {
	a, err := q.account(ctx, s)
	if err != nil {
		return err
	}
	defer a.done()
	unlock, err := a.changing(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := q.look(ctx, s, name)
	if err != nil {
		return err
	}
	if err := q.FileDriver.Remove(ctx, s, name); err != nil {
		return err
	}
	a.add(ctx, old.minus())
	return nil
}

// Rename implements [paradise.FileDriver]. A file that is replaced frees.
func (q *Driver) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	a, err := q.account(ctx, s)
	if err != nil {
		return err
	}
	defer a.done()
	src, err := q.look(ctx, s, from)
	if err != nil {
		return err
	}
	if !src.file {
		return a.renameFolder(ctx, s, from, to, o)
	}
	return a.renameFile(ctx, s, from, to, o)
}

// renameFolder has the tree alone: below a folder that moves no name may be looked
// at.
func (a *account) renameFolder(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	if err := a.tree.Lock(ctx); err != nil {
		return err
	}
	defer a.tree.Unlock()
	if err := a.q.FileDriver.Rename(ctx, s, from, to, o); err != nil {
		return err
	}
	a.folderMoved(from, to)
	return nil
}

func (a *account) renameFile(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	q := a.q
	unlock, err := a.changing(ctx, from, to)
	if err != nil {
		return err
	}
	defer unlock()
	src, err := q.look(ctx, s, from)
	if err != nil {
		return err
	}
	old, err := q.look(ctx, s, to)
	if err != nil {
		return err
	}
	if err := q.FileDriver.Rename(ctx, s, from, to, o); err != nil {
		return err
	}
	same := from == to || src.unique != "" && src.unique == old.unique
	if !same {
		a.add(ctx, old.minus())
	}
	return nil
}

// found is what a name stands for as far as it counts.
type found struct {
	file   bool
	size   int64
	unique string
	blind  bool // the driver cannot tell
}

func (f found) minus() Usage { return Usage{}.less(f) }

// less is u without a file.
func (u Usage) less(f found) Usage {
	if !f.file {
		return u
	}
	return Usage{u.Bytes - f.size, u.Files - 1}
}

// more is u with a file.
func (u Usage) more(f found) Usage {
	if !f.file {
		return u
	}
	return Usage{u.Bytes + f.size, u.Files + 1}
}

// look takes what is missing, or cannot be reached, for nothing: the driver then
// refuses by itself.
func (q *Driver) look(ctx context.Context, s *paradise.Session, name string) (found, error) {
	e, err := q.FileDriver.Stat(ctx, s, name)
	switch {
	case err == nil && e.IsDir():
		return found{}, nil
	case err == nil:
		return found{file: true, size: max(e.Size, 0), unique: e.Unique}, nil
	case errors.Is(err, errors.ErrUnsupported):
		return found{blind: true}, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission),
		errors.Is(err, paradise.ErrNotDir), errors.Is(err, paradise.ErrBadName):
		return found{}, nil
	}
	return found{}, err
}
