package quota

import (
	"context"

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
	u := &upload{q: q, a: a, s: s, name: name, moved: name, o: o, limits: q.o.Limits(s)}
	if !o.Append {
		u.credit = old.size - o.Offset
	}
	a.enter(u)
	// The driver's own refusal is the better one, so it is asked first.
	if u.inner, err = q.FileDriver.Store(ctx, s, name, o); err != nil || u.inner == nil {
		u.release()
		return nil, err
	}
	if err := u.begin(old); err != nil {
		u.inner.Abort(context.WithoutCancel(ctx), err)
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
	name   string
	moved  string // its name after folders on the way were renamed; guarded by a.tree
	o      paradise.StoreOptions
	limits Limits

	credit int64 // bytes that it frees itself by replacing
	wrote  int64
	held   Usage
}

// begin reserves what is known to be needed.
func (u *upload) begin(old found) error {
	err := u.reserve(old)
	if err != nil {
		u.release()
	}
	return err
}

func (u *upload) reserve(old found) error {
	if !old.file {
		if err := u.hold(Usage{Files: 1}); err != nil {
			return err
		}
	}
	if u.o.SizeHint > 0 {
		return u.need(u.o.SizeHint - u.credit)
	}
	if u.credit <= 0 && u.a.full(u.limits) {
		return paradise.ErrQuota
	}
	return nil
}

// full says that not one byte more can be reserved.
func (a *account) full(l Limits) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return room(l.Bytes, a.used.Bytes+a.held.Bytes) == 0
}

func (u *upload) hold(want Usage) error {
	if err := u.a.reserve(u.limits, want); err != nil {
		return err
	}
	u.held = u.held.plus(want)
	return nil
}

// need sees to it that so many bytes are reserved in all.
func (u *upload) need(bytes int64) error {
	if more := bytes - u.held.Bytes; more > 0 {
		return u.hold(Usage{Bytes: more})
	}
	return nil
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
	if bytes <= u.held.Bytes {
		return nil
	}
	if u.need(max(bytes, u.held.Bytes+u.q.o.Step)) == nil {
		return nil
	}
	return u.need(bytes)
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
	unlock, err := u.a.names.LockAll(ctx, places...)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := u.lookAt(ctx, places)
	if err != nil {
		return err
	}
	if err := u.ensure(u.change(old)); err != nil {
		return err
	}
	err = u.inner.Commit(ctx)
	u.settle(ctx, places, old, err)
	return err
}

// lookAt looks where the file may come to lie: a driver that holds the folder
// open follows it to its new name, one that goes by names does not.
func (u *upload) lookAt(ctx context.Context, places []string) ([]found, error) {
	var all []found
	for _, name := range places {
		f, err := u.q.look(ctx, u.s, name)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// change is what the upload will change at most.
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
func (u *upload) ensure(change Usage) error {
	more := Usage{max(change.Bytes-u.held.Bytes, 0), max(change.Files-u.held.Files, 0)}
	if more == (Usage{}) {
		return nil
	}
	return u.hold(more)
}

// settle counts what there is now: a driver may store another number of bytes than
// it was given, and one whose Commit failed may have published all the same.
func (u *upload) settle(ctx context.Context, places []string, old []found, err error) {
	now, lookErr := u.lookAt(context.WithoutCancel(ctx), places)
	var change Usage
	switch {
	case lookErr == nil && !now[0].blind:
		for i := range now {
			change = change.less(old[i]).more(now[i])
		}
	case err == nil:
		change = u.change(old)
	}
	u.a.settle(ctx, u.held, change)
	u.held = Usage{}
	if err == nil {
		u.release()
	}
}

func (u *upload) Abort(ctx context.Context, cause error) {
	defer u.release()
	u.inner.Abort(ctx, cause)
}

// release gives back what is reserved and forgets the upload.
func (u *upload) release() {
	u.a.settle(context.Background(), u.held, Usage{})
	u.held = Usage{}
	u.a.leave(u)
}
