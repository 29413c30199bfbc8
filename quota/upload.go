package quota

import (
	"context"
	"errors"

	"github.com/paradiseftp/paradise"
)

// Store implements [paradise.FileDriver]. It returns [paradise.ErrQuota] where it
// is known beforehand that nothing fits: the account is full and the upload is not
// to replace a file, or a SizeHint is larger than what is left.
func (q *Driver) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	a, err := q.account(ctx, s)
	if err != nil {
		return nil, err
	}
	defer a.done()
	old, err := q.look(ctx, s, name)
	if err != nil {
		return nil, err
	}
	u := &upload{q: q, a: a, s: s, ctx: ctx, name: name, moved: name, o: o, limits: q.o.Limits(s)}
	u.lease = a.lease(u.limits)
	if !o.Append {
		u.credit = old.size - o.Offset
	}
	a.enter(u)
	// The driver's own refusal is the better one, so it is asked first.
	if u.inner, err = q.FileDriver.Store(ctx, s, name, o); err != nil || u.inner == nil {
		u.release(ctx, Usage{})
		return nil, err
	}
	if err := u.reserve(old); err != nil {
		u.Abort(context.WithoutCancel(ctx), err)
		return nil, err
	}
	return u, nil
}

// upload is an upload and what it has reserved.
type upload struct {
	inner  paradise.Upload
	q      *Driver
	a      *account
	s      *paradise.Session
	ctx    context.Context // of Store, and so of the writes
	name   string
	moved  string // its name after folders on the way were renamed; guarded by a.tree
	o      paradise.StoreOptions
	limits Limits
	lease  *lease

	credit int64 // bytes that it frees itself by replacing
	wrote  int64
}

// reserve takes what is known to be needed.
func (u *upload) reserve(old found) error {
	var want Usage
	if !old.file {
		want.Files = 1
	}
	if u.o.SizeHint > 0 {
		want.Bytes = max(u.o.SizeHint-u.credit, 0)
	}
	acc, err := u.hold(u.ctx, want)
	if err == nil && u.o.SizeHint <= 0 && u.credit <= 0 && acc.full(u.limits) {
		return paradise.ErrQuota
	}
	return err
}

// hold reserves so much in all. A Store that has lost the account gets it counted.
func (u *upload) hold(ctx context.Context, want Usage) (Account, error) {
	acc, err := u.lease.hold(ctx, want)
	if !errors.Is(err, ErrUncounted) {
		return acc, err
	}
	if err := u.a.load(ctx, u.s); err != nil {
		return acc, err
	}
	return u.lease.hold(ctx, want)
}

func (u *upload) Begin(ctx context.Context, info paradise.UploadInfo) error {
	return u.inner.Begin(ctx, info)
}

func (u *upload) Write(p []byte) (int, error) {
	if err := u.grow(u.wrote + int64(len(p)) - u.credit); err != nil {
		return 0, err
	}
	n, err := u.inner.Write(p)
	u.wrote += int64(n)
	return n, err
}

// grow reserves a step, or where that is too much, just what is needed now.
func (u *upload) grow(bytes int64) error {
	held := u.lease.held()
	if bytes <= held.Bytes {
		return nil
	}
	step := max(bytes, held.Bytes+u.q.o.Step)
	_, err := u.hold(u.ctx, Usage{step, held.Files})
	if errors.Is(err, paradise.ErrQuota) && step > bytes {
		_, err = u.hold(u.ctx, Usage{bytes, held.Files})
	}
	return err
}

// Commit looks again at what is replaced: the credit that the upload had at Store
// may have been used up by others.
func (u *upload) Commit(ctx context.Context) error {
	if err := u.a.tree.RLock(ctx); err != nil {
		return err
	}
	defer u.a.tree.RUnlock()
	places := []string{u.name}
	if u.moved != u.name {
		places = append(places, u.moved)
	}
	keys := u.a.keys(ctx, u.s, places)
	unlock, err := u.a.names.LockAll(ctx, keys...)
	if err != nil {
		return err
	}
	defer unlock()
	if err := u.claim(ctx, keys); err != nil {
		return err
	}
	defer u.lease.yield(ctx)
	old, err := u.a.lookAt(ctx, u.s, places)
	if err != nil {
		return err
	}
	if err := u.ensure(ctx, u.change(old)); err != nil {
		return err
	}
	err = u.inner.Commit(ctx)
	u.release(ctx, u.came(ctx, places, old, err))
	return err
}

// claim holds keys still on all servers. It finds out too whether the reservation
// still lives.
func (u *upload) claim(ctx context.Context, keys []string) error {
	err := u.lease.claim(ctx, false, keys...)
	if !errors.Is(err, ErrUncounted) {
		return err
	}
	if err := u.a.load(ctx, u.s); err != nil {
		return err
	}
	return u.lease.claim(ctx, false, keys...)
}

// change is what the upload will change at most. It may come to lie in any of the
// places: a driver that holds the folder open follows it to its new name, one that
// goes by names does not.
func (u *upload) change(old []found) Usage {
	var most Usage
	for i, f := range old {
		result := found{file: true, size: u.o.Offset + u.wrote}
		if u.o.Append {
			result.size = f.size + u.wrote
		}
		c := f.minus().more(result)
		if i == 0 {
			most = c
		}
		most = Usage{max(most.Bytes, c.Bytes), max(most.Files, c.Files)}
	}
	return most
}

// ensure makes the reservation cover a change.
func (u *upload) ensure(ctx context.Context, change Usage) error {
	held := u.lease.held()
	want := Usage{max(change.Bytes, held.Bytes), max(change.Files, held.Files)}
	if want == held {
		return nil
	}
	_, err := u.hold(ctx, want)
	return err
}

// came is what there is now: a driver may store another number of bytes than it was
// given, and one whose Commit failed may have published all the same.
func (u *upload) came(ctx context.Context, places []string, old []found, err error) Usage {
	now, lookErr := u.a.lookAt(context.WithoutCancel(ctx), u.s, places)
	if errors.Is(err, paradise.ErrUnknownOutcome) || err != nil && lookErr != nil {
		u.a.countLater(u.s)
	}
	var change Usage
	there := false
	for i := range now {
		change = change.less(old[i]).more(now[i])
		there = there || now[i].file
	}
	switch {
	case err == nil && !there: // a folder moved on another server, or nothing can be seen
		return u.change(old)
	case err != nil && lookErr != nil: // the most that it can be, until it is counted
		most := u.change(old)
		return Usage{max(most.Bytes, 0), max(most.Files, 0)}
	}
	return change
}

// Abort gives back what is reserved, unless Commit has settled it.
func (u *upload) Abort(ctx context.Context, cause error) {
	defer u.release(ctx, Usage{})
	u.inner.Abort(ctx, cause)
}

// release ends the reservation, once, and forgets the upload.
func (u *upload) release(ctx context.Context, change Usage) {
	u.lease.settle(ctx, change)
	u.a.leave(u)
}
