package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"

	"github.com/paradiseftp/paradise"
)

type driver struct {
	paradise.FileDriver
	j *Journal
}

var _ paradise.FileDriver = (*driver)(nil)

func (d *driver) Copy(context.Context, *paradise.Session, string, string, paradise.CopyOptions) error {
	return errors.ErrUnsupported
}

func (d *driver) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	if err := d.j.ready(); err != nil {
		return nil, err
	}
	inner, err := d.FileDriver.Store(ctx, s, name, o)
	if err != nil || inner == nil {
		return nil, err
	}
	u := &upload{inner: inner, d: d, s: s, name: name, o: o}
	if d.j.o.Digest && o.Offset == 0 && !o.Append {
		u.sum = sha256.New()
	}
	return u, nil
}

type upload struct {
	inner paradise.Upload
	d     *driver
	s     *paradise.Session
	name  string
	o     paradise.StoreOptions

	contentType string
	wrote       int64
	sum         hash.Hash // nil: no digest
	record      Record    // once the intent is written
	intended    bool
	committed   bool
	failure     error // of Commit
	cut         bool  // its ctx had ended
}

func (u *upload) Begin(ctx context.Context, info paradise.UploadInfo) error {
	u.contentType = info.ContentType
	return u.inner.Begin(ctx, info)
}

func (u *upload) Write(p []byte) (int, error) {
	n, err := u.inner.Write(p)
	u.wrote += int64(n)
	if u.sum != nil {
		u.sum.Write(p[:n])
	}
	return n, err
}

func (u *upload) Commit(ctx context.Context) error {
	if err := u.intend(ctx); err != nil {
		return err
	}
	u.failure = errNoAnswer // also if Commit panics
	if u.failure = u.inner.Commit(ctx); u.failure != nil {
		u.cut = ctx.Err() != nil
		return u.failure
	}
	u.committed = true
	r := u.record
	r.Time, r.Event, r.Before = now(), Done, nil
	if err := u.d.j.append(r); err != nil {
		return fmt.Errorf("journal: %q is published, but that could not be noted: %w", u.name, err)
	}
	return nil
}

func (u *upload) intend(ctx context.Context) error {
	before, err := state(ctx, u.d.FileDriver, u.s, u.name)
	if err != nil {
		return err
	}
	r := Record{
		ID: u.d.j.newID(), Time: now(), Event: Intent,
		Session: u.s.ID, User: u.s.User.Name, Host: u.s.Host,
		Name: u.name, Size: u.o.Offset + u.wrote, ContentType: u.contentType,
		Offset: u.o.Offset, Append: u.o.Append, Before: &before,
	}
	if u.s.Remote.IsValid() {
		r.Remote = u.s.Remote.String()
	}
	switch {
	case u.o.Append && (before.Unknown || before.Size < 0):
		r.Size = -1
	case u.o.Append:
		r.Size = before.Size + u.wrote
	}
	if u.sum != nil {
		r.SHA256 = hex.EncodeToString(u.sum.Sum(nil))
	}
	if err := u.d.j.append(r); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	u.record, u.intended = r, true
	return nil
}

// Abort leaves the storage alone if it has committed: only the note of that is
// missing, and it will follow. A Commit that failed is looked into once the storage
// has cleaned up.
func (u *upload) Abort(ctx context.Context, cause error) {
	if u.committed {
		return
	}
	if u.intended {
		defer u.lookInto(ctx, cause)
	}
	u.inner.Abort(ctx, cause)
}
