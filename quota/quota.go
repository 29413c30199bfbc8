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
// Usage and reservations are kept in a [Store]. Servers that share one, and the
// files, cannot exceed a limit together either.
//
// Sizes are asked of the wrapped driver by Stat. One that has no Stat, or whose
// files change without the wrapper's knowledge, makes the numbers drift:
// [Driver.Rescan] counts anew. Symbolic links are not followed and count nothing;
// removing one takes off what it leads to, until the next scan.
package quota

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paradiseftp/paradise"
)

// Limits bound what one account may store. Zero: no bound; negative: nothing may
// be stored.
type Limits struct {
	Bytes int64 // sum of the sizes of all files
	Files int64 // their number
}

// Usage is what an account stores, or the difference that a change makes.
type Usage struct {
	Bytes int64 `json:"bytes"` // sum of the sizes of all regular files
	Files int64 `json:"files"` // their number; folders and links are none
}

func (u Usage) plus(d Usage) Usage  { return Usage{u.Bytes + d.Bytes, u.Files + d.Files} }
func (u Usage) minus(d Usage) Usage { return Usage{u.Bytes - d.Bytes, u.Files - d.Files} }

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

	// Store keeps the usage and what running uploads have reserved. Servers that
	// share one cannot exceed a limit together. Nil: memory. An account that it
	// does not know is filled by a scan of its files when that is first needed.
	Store Store

	// Step is how many bytes an upload reserves at a time. Zero: 1 MiB.
	Step int64

	// Lease is how long the reservations of a server that died live on in a
	// shared Store, and so how long the server may be held up without losing its
	// own. Zero: 30 seconds.
	Lease time.Duration

	// Logger is told what cannot be counted or noted. Nil: nothing is logged.
	Logger *slog.Logger
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

	id     string // no two drivers have the same
	count  atomic.Uint64
	leases leases
}

func (q *Driver) newID() string { return q.id + "-" + strconv.FormatUint(q.count.Add(1), 36) }

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
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Step = cmp.Or(max(o.Step, 0), 1<<20)
	o.Lease = cmp.Or(max(o.Lease, 0), 30*time.Second)
	q := &Driver{FileDriver: d, o: o, accounts: make(map[string]*account), id: rand.Text()}
	q.leases.q = q
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

// Close ends scans that still run, and the renewing of reservations.
func (q *Driver) Close() error {
	q.cancel()
	q.leases.stop()
	q.scans.Wait()
	return nil
}

// Usage returns what a session's account uses, as the Store says, and its limits.
// Running uploads are not in it, nor is what a Store that did not answer is yet to be
// told. The first call counts the files; where that fails it returns an error.
func (q *Driver) Usage(ctx context.Context, s *paradise.Session) (Usage, Limits, error) {
	a, err := q.account(ctx, s)
	if err != nil {
		return Usage{}, Limits{}, err
	}
	defer a.done()
	acc, err := a.now(ctx, s)
	return acc.Used, q.o.Limits(s), err
}

// Rescan counts a session's account anew. It waits for changes that are under way as
// long as ctx lasts, and changes by the account wait for it, on all servers that share
// the Store. With an error the usage stays as it was.
func (q *Driver) Rescan(ctx context.Context, s *paradise.Session) error {
	a := q.use(q.o.Key(s))
	defer a.done()
	return a.countAlone(ctx, s)
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
	acc, err := a.now(ctx, s)
	if err != nil {
		return 0, err
	}
	return min(free, acc.left(q.o.Limits(s))), nil
}

// Copy implements [paradise.FileDriver]: the core copies through Store, so that
// copies count.
func (q *Driver) Copy(context.Context, *paradise.Session, string, string, paradise.CopyOptions) error {
	return errors.ErrUnsupported
}
