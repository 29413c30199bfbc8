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
	old, err := q.look(ctx, s, name)
	if err != nil {
		return nil, err
	}
	u := &upload{q: q, a: a, s: s, name: name, o: o, limits: q.o.Limits(s)}
	if !o.Append {
		u.credit = old.size - o.Offset
	}
	// The driver's own refusal is the better one, so it is asked first.
	if u.inner, err = q.FileDriver.Store(ctx, s, name, o); err != nil || u.inner == nil {
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
	o      paradise.StoreOptions
	limits Limits

	credit int64 // bytes that it frees itself by replacing
	wrote  int64
	held   Usage
}

// begin reserves what is known to be needed.
func (u *upload) begin(old found) error {
	if !old.file {
		if err := u.hold(Usage{Files: 1}); err != nil {
			return err
		}
	}
	if u.o.SizeHint > 0 {
		err := u.need(u.o.SizeHint - u.credit)
		if err != nil {
			u.release()
		}
		return err
	}
	if u.credit <= 0 && u.a.full(u.limits) {
		u.release()
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
	if err := u.room(u.wrote + int64(len(p)) - u.credit); err != nil {
		return 0, err
	}
	n, err := u.inner.Write(p)
	u.wrote += int64(n)
	return n, err
}

// room reserves a step, or where that is too much, just what is needed now.
func (u *upload) room(bytes int64) error {
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
	defer u.a.changing(u.name)()
	old, err := u.q.look(ctx, u.s, u.name)
	if err != nil {
		return err
	}
	result := found{file: true, size: u.o.Offset + u.wrote}
	if u.o.Append {
		result.size = old.size + u.wrote
	}
	change := old.minus().more(result)
	if err := u.ensure(change); err != nil {
		return err
	}
	err = u.inner.Commit(ctx)
	u.settle(ctx, old, result, err)
	return err
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
func (u *upload) settle(ctx context.Context, old, result found, err error) {
	now, lookErr := u.q.look(context.WithoutCancel(ctx), u.s, u.name)
	switch {
	case lookErr != nil || now.blind || err == nil && !now.file:
		now = result
		if err != nil {
			now = old
		}
	case !old.file && now.file && err != nil:
		// published, although it said that it failed
	}
	u.a.settle(ctx, u.held, old.minus().more(now))
	u.held = Usage{}
}

func (u *upload) Abort(ctx context.Context, cause error) {
	defer u.release()
	u.inner.Abort(ctx, cause)
}

func (u *upload) release() {
	u.a.settle(context.Background(), u.held, Usage{})
	u.held = Usage{}
}
