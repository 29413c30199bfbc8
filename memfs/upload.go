package memfs

import (
	"context"
	"io/fs"
	"slices"

	"github.com/paradiseftp/paradise"
)

// Store implements [paradise.FileDriver].
func (m *FS) Store(
	ctx context.Context, _ *paradise.Session, name string, o paradise.StoreOptions,
) (paradise.Upload, error) {
	m.lock()
	defer m.mu.Unlock()
	p, err := m.storePlace(name, o)
	if err != nil {
		return nil, failed("store", name, err)
	}
	u := &upload{fs: m, ctx: ctx, name: name, options: o}
	if o.Append || o.Offset == 0 {
		return u, nil
	}
	if p.node == nil || o.Offset < 0 || o.Offset > int64(len(p.node.data)) {
		return nil, failed("store", name, paradise.ErrBadOffset)
	}
	if err := m.reserveLocked(o.Offset); err != nil {
		return nil, failed("store", name, err)
	}
	u.base, u.reserved = p.node.data, o.Offset
	return u, nil
}

// storePlace returns the place of an upload, if it is allowed there. Store calls it
// and, because the tree may have changed since, Commit calls it again.
func (m *FS) storePlace(name string, o paradise.StoreOptions) (place, error) {
	if name == "/" {
		return place{}, paradise.ErrIsDir
	}
	p, err := m.place(name)
	if err != nil {
		return place{}, err
	}
	if p.node == nil && o.Existing {
		return place{}, fs.ErrNotExist
	}
	if p.node == nil {
		return p, nil
	}
	if o.Exclusive {
		return place{}, fs.ErrExist
	}
	if p.node.isDir() {
		return place{}, paradise.ErrIsDir
	}
	return p, nil
}

// upload collects the bytes of an upload outside the tree.
type upload struct {
	fs       *FS
	ctx      context.Context // the context of Store
	name     string
	options  paradise.StoreOptions
	base     []byte // with Offset: the content at Store, of which the first Offset bytes stay
	data     []byte
	reserved int64 // bytes of the capacity that this upload holds
	ended    bool
}

func (u *upload) Begin(context.Context, paradise.UploadInfo) error {
	if u.ctx.Err() != nil {
		return context.Cause(u.ctx)
	}
	return nil
}

func (u *upload) Write(p []byte) (int, error) {
	if u.ended {
		return 0, fs.ErrClosed
	}
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	if err := u.fs.reserve(int64(len(p))); err != nil {
		return 0, failed("write", u.name, err)
	}
	u.reserved += int64(len(p))
	u.data = append(u.data, p...)
	return len(p), nil
}

func (u *upload) Commit(ctx context.Context) error {
	if u.ended {
		return fs.ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for {
		done, err := u.publish()
		if err != nil {
			return failed("commit", u.name, err)
		}
		if done {
			u.ended, u.data, u.base = true, nil, nil
			return nil
		}
	}
}

// publish calls Accept and then publishes the result. It calls Accept without the lock,
// so that Accept may use the FS. If the old content has changed meanwhile, it publishes
// nothing and done is false.
func (u *upload) publish() (done bool, err error) {
	old, err := u.old()
	if err != nil {
		return false, err
	}
	if u.options.Offset > 0 && !same(old, u.base) {
		return false, paradise.ErrBusy // the content that the client resumes has been replaced
	}
	result := u.result(old)
	if err := accepted(u.options.Accept, result); err != nil {
		return false, err
	}
	u.fs.lock()
	defer u.fs.mu.Unlock()
	p, err := u.fs.storePlace(u.name, u.options)
	if err != nil || !same(p.content(), old) {
		return false, err
	}
	u.fs.publish(p.dir, p.base, result, u.reserved)
	return true, nil
}

// accepted passes the result of an upload or a copy to accept, which may be nil.
func accepted(accept func([]byte, int64) error, result []byte) error {
	if accept == nil {
		return nil
	}
	return accept(result[:min(len(result), 4096)], int64(len(result)))
}

// old returns the current content of the file, or nil if there is none.
func (u *upload) old() ([]byte, error) {
	u.fs.rlock()
	defer u.fs.mu.RUnlock()
	p, err := u.fs.storePlace(u.name, u.options)
	return p.content(), err
}

func (p place) content() []byte {
	if p.node == nil {
		return nil
	}
	return p.node.data
}

// same reports whether a and b are the same content. Contents are replaced and never
// written to, so comparing addresses is enough.
func same(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// result returns the content that the file will have after Commit.
func (u *upload) result(old []byte) []byte {
	switch {
	case u.options.Append && len(old) > 0:
		return slices.Concat(old, u.data)
	case u.options.Offset > 0:
		return slices.Concat(old[:u.options.Offset], u.data)
	default:
		return u.data
	}
}

func (u *upload) Abort(context.Context, error) {
	if u.ended {
		return
	}
	u.fs.release(u.reserved)
	u.ended, u.data, u.base = true, nil, nil
}
