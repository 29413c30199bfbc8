package paradise

import (
	"context"
	"io"
)

// bound limits how long a driver may take for one step.
type bound interface {
	guard()   // a step begins
	unguard() // it has ended
}

// watched is a driver whose every call has a bound of its own, and so has every
// step of what it returned: an entry of a listing, a read, a write. Storage that
// is slow may take as many of them as there are; storage that hangs is noticed in
// the one that hangs. Between two steps the end of ctx is looked for.
type watched struct {
	FileDriver
	by bound
}

func (w watched) Stat(ctx context.Context, s *Session, name string) (Entry, error) {
	w.by.guard()
	defer w.by.unguard()
	return w.FileDriver.Stat(ctx, s, name)
}

func (w watched) List(ctx context.Context, s *Session, dir string) (Listing, error) {
	w.by.guard()
	defer w.by.unguard()
	l, err := w.FileDriver.List(ctx, s, dir)
	if err != nil || l == nil {
		return Entries(nil), err
	}
	return steps(ctx, w.by, l), nil
}

// steps bounds each step of l. While the entry is with the reader the bound of its
// step is still armed: a reader that waits for others has to end it.
func steps(ctx context.Context, by bound, l Listing) Listing {
	return func(yield func(Entry, error) bool) {
		by.guard()
		defer by.unguard()
		for e, err := range l {
			if err == nil {
				err = ctx.Err()
			}
			if !yield(e, err) || err != nil {
				return
			}
			by.guard()
		}
	}
}

func (w watched) Open(ctx context.Context, s *Session, name string, offset int64) (io.ReadCloser, error) {
	w.by.guard()
	defer w.by.unguard()
	r, err := w.FileDriver.Open(ctx, s, name, offset)
	if err != nil {
		return nil, err
	}
	return &watchedReader{r, ctx, w.by}, nil
}

type watchedReader struct {
	io.ReadCloser
	ctx context.Context
	by  bound
}

func (r *watchedReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	r.by.guard()
	defer r.by.unguard()
	return r.ReadCloser.Read(p)
}

func (r *watchedReader) Close() error {
	r.by.guard()
	defer r.by.unguard()
	return r.ReadCloser.Close()
}

func (w watched) Store(ctx context.Context, s *Session, name string, o StoreOptions) (Upload, error) {
	w.by.guard()
	defer w.by.unguard()
	up, err := w.FileDriver.Store(ctx, s, name, o)
	if err != nil {
		return nil, err
	}
	return &watchedUpload{up, w.by}, nil
}

type watchedUpload struct {
	Upload
	by bound
}

func (u *watchedUpload) Begin(ctx context.Context, info UploadInfo) error {
	u.by.guard()
	defer u.by.unguard()
	return u.Upload.Begin(ctx, info)
}

func (u *watchedUpload) Write(p []byte) (int, error) {
	u.by.guard()
	defer u.by.unguard()
	return u.Upload.Write(p)
}

func (u *watchedUpload) Commit(ctx context.Context) error {
	u.by.guard()
	defer u.by.unguard()
	return u.Upload.Commit(ctx)
}

func (u *watchedUpload) Abort(ctx context.Context, cause error) {
	u.by.guard()
	defer u.by.unguard()
	u.Upload.Abort(ctx, cause)
}

func (w watched) Mkdir(ctx context.Context, s *Session, name string) error {
	w.by.guard()
	defer w.by.unguard()
	return w.FileDriver.Mkdir(ctx, s, name)
}

func (w watched) Remove(ctx context.Context, s *Session, name string) error {
	w.by.guard()
	defer w.by.unguard()
	return w.FileDriver.Remove(ctx, s, name)
}

func (w watched) RemoveDir(ctx context.Context, s *Session, name string) error {
	w.by.guard()
	defer w.by.unguard()
	return w.FileDriver.RemoveDir(ctx, s, name)
}

func (w watched) Rename(ctx context.Context, s *Session, from, to string, o RenameOptions) error {
	w.by.guard()
	defer w.by.unguard()
	return w.FileDriver.Rename(ctx, s, from, to, o)
}

func (w watched) Copy(ctx context.Context, s *Session, from, to string, o CopyOptions) error {
	w.by.guard()
	defer w.by.unguard()
	return w.FileDriver.Copy(ctx, s, from, to, o)
}

func (w watched) SetAttr(ctx context.Context, s *Session, name string, a Attr) error {
	w.by.guard()
	defer w.by.unguard()
	return w.FileDriver.SetAttr(ctx, s, name, a)
}

func (w watched) Space(ctx context.Context, s *Session, dir string) (int64, error) {
	w.by.guard()
	defer w.by.unguard()
	return w.FileDriver.Space(ctx, s, dir)
}
