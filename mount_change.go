package paradise

import (
	"context"
	"io/fs"
	"os"
)

func (m *mounts) Store(ctx context.Context, s *Session, name string, o StoreOptions) (Upload, error) {
	p, err := m.at(name)
	if err != nil {
		return nil, err
	}
	if p.stays {
		return nil, &fs.PathError{Op: "store", Path: p.name, Err: ErrIsDir}
	}
	leave, err := m.turns.share(ctx, p.key())
	if err != nil {
		return nil, err
	}
	defer leave()
	u, err := p.FileDriver.Store(ctx, s, p.inner, o)
	if err != nil || u == nil {
		return nil, p.named(err)
	}
	return &mountUpload{u, m, p}, nil
}

// mountUpload looks at the old file, and replaces it, apart from moves of its name.
type mountUpload struct {
	Upload
	m *mounts
	p place
}

func (u *mountUpload) Begin(ctx context.Context, info UploadInfo) error {
	leave, err := u.m.turns.share(ctx, u.p.key())
	if err != nil {
		return err
	}
	defer leave()
	return u.p.named(u.Upload.Begin(ctx, info))
}

func (u *mountUpload) Commit(ctx context.Context) error {
	leave, err := u.m.turns.share(ctx, u.p.key())
	if err != nil {
		return err
	}
	defer leave()
	return u.p.named(u.Upload.Commit(ctx))
}

// File is where the core may splice to, nil if the storage has no such place.
func (u *mountUpload) File() *os.File {
	if f, ok := u.Upload.(interface{ File() *os.File }); ok {
		return f.File()
	}
	return nil
}

// change calls act about a name that may be changed; of one that stays it returns the
// error that refused makes.
func (m *mounts) change(ctx context.Context, name string, refused func(place) error, act func(place) error) error {
	p, err := m.at(name)
	if err != nil {
		return err
	}
	if p.stays {
		return refused(p)
	}
	leave, err := m.turns.share(ctx, p.key())
	if err != nil {
		return err
	}
	defer leave()
	return p.named(act(p))
}

// folderError is for what stays: the error that drivers have for a folder in the way.
func folderError(op string, err error) func(place) error {
	return func(p place) error { return &fs.PathError{Op: op, Path: p.name, Err: err} }
}

func (m *mounts) Mkdir(ctx context.Context, s *Session, name string) error {
	return m.change(ctx, name, folderError("mkdir", fs.ErrExist), func(p place) error {
		return p.FileDriver.Mkdir(ctx, s, p.inner)
	})
}

func (m *mounts) Remove(ctx context.Context, s *Session, name string) error {
	return m.change(ctx, name, folderError("remove", ErrIsDir), func(p place) error {
		return p.FileDriver.Remove(ctx, s, p.inner)
	})
}

func (m *mounts) RemoveDir(ctx context.Context, s *Session, name string) error {
	return m.change(ctx, name, place.refuse, func(p place) error {
		return p.FileDriver.RemoveDir(ctx, s, p.inner)
	})
}

func (m *mounts) SetAttr(ctx context.Context, s *Session, name string, a Attr) error {
	return m.change(ctx, name, place.refuse, func(p place) error {
		return p.FileDriver.SetAttr(ctx, s, p.inner, a)
	})
}

func (m *mounts) Rename(ctx context.Context, s *Session, from, to string, o RenameOptions) error {
	src, dst, err := m.both(from, to)
	switch {
	case err != nil:
		return err
	case src.stays:
		return src.refuse()
	case dst.stays:
		return &fs.PathError{Op: "rename", Path: dst.name, Err: fs.ErrExist}
	}
	if o.Version, err = src.unmarked(o.Version); err != nil {
		return err
	}
	if src.mark != dst.mark {
		c := &crossing{m: m, s: s, src: src, dst: dst, o: o}
		return c.run(ctx)
	}
	leave, err := m.turns.share(ctx, src.key(), dst.key())
	if err != nil {
		return err
	}
	defer leave()
	return dst.named(src.named(src.base.Rename(ctx, s, src.inBase(), dst.inBase(), o)))
}

func (m *mounts) Copy(ctx context.Context, s *Session, from, to string, o CopyOptions) error {
	src, dst, err := m.both(from, to)
	switch {
	case err != nil:
		return err
	case src.stays:
		return &fs.PathError{Op: "copy", Path: src.name, Err: ErrIsDir}
	case dst.stays:
		return &fs.PathError{Op: "copy", Path: dst.name, Err: fs.ErrExist}
	case src.mark != dst.mark:
		return errUnsupported
	}
	leave, err := m.turns.share(ctx, src.key(), dst.key())
	if err != nil {
		return err
	}
	defer leave()
	return dst.named(src.named(src.base.Copy(ctx, s, src.inBase(), dst.inBase(), o)))
}

func (m *mounts) both(from, to string) (src, dst place, err error) {
	if src, err = m.at(from); err == nil {
		dst, err = m.at(to)
	}
	return src, dst, err
}
