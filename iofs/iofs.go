// Package iofs serves any [fs.FS] read-only, such as an embed.FS, a zip.Reader or an
// os.DirFS.
package iofs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/paradiseftp/paradise"
)

// New returns a driver that reads fsys. It refuses all changes with [fs.ErrPermission]
// (550), so that clients see a lack of permission and not a missing command. It is as
// safe for concurrent use as fsys; the file systems of the standard library are safe.
//
// Open returns the files of fsys unchanged, so that sendfile works with an [os.File].
// For an offset it seeks if the file is an [io.Seeker]; otherwise it reads and discards
// the bytes before the offset. Names that [fs.ValidPath] refuses do not exist.
//
// os.DirFS follows symbolic links out of its folder; os.Root.FS does not.
func New(fsys fs.FS) paradise.FileDriver {
	return driver{fsys: fsys}
}

// driver embeds UnimplementedFileDriver so that it also refuses methods which
// FileDriver gains in the future.
type driver struct {
	paradise.UnimplementedFileDriver
	fsys fs.FS
}

func (driver) Features(*paradise.Session) paradise.Features { return paradise.FeatureRange }

func (d driver) Stat(_ context.Context, _ *paradise.Session, name string) (paradise.Entry, error) {
	fi, err := fs.Stat(d.fsys, local(name))
	if err != nil {
		return paradise.Entry{}, known(err)
	}
	e := paradise.EntryOf(fi)
	e.Name = path.Base(name) // the root calls itself "."
	e.Deny = paradise.PermWrites
	return e, nil
}

func (d driver) Open(ctx context.Context, _ *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	if err := d.refuseSpecial(name); err != nil {
		return nil, err
	}
	f, err := d.fsys.Open(local(name))
	if err != nil {
		return nil, known(err)
	}
	if err := position(ctx, f, offset); err != nil {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: known(err)}
	}
	return f, nil
}

// refuseSpecial refuses pipes and devices, because opening one may block forever. It
// checks only an fs.StatFS: fs.Stat of any other file system would open the file.
func (d driver) refuseSpecial(name string) error {
	statter, ok := d.fsys.(fs.StatFS)
	if !ok {
		return nil
	}
	fi, err := statter.Stat(local(name))
	if err != nil {
		return known(err)
	}
	if !fi.IsDir() && !fi.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return nil
}

// position checks that f is a file and moves it to offset.
func position(ctx context.Context, f fs.File, offset int64) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if fi.IsDir() {
		return paradise.ErrIsDir
	}
	if offset == 0 {
		return nil
	}
	if offset < 0 || offset > fi.Size() {
		return paradise.ErrBadOffset
	}
	if s, ok := f.(io.Seeker); ok {
		_, err := s.Seek(offset, io.SeekStart)
		return err
	}
	return discard(ctx, f, offset)
}

func discard(ctx context.Context, r io.Reader, n int64) error {
	const step = 1 << 20
	for n > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		got, err := io.CopyN(io.Discard, r, min(n, step))
		n -= got
		if errors.Is(err, io.EOF) {
			return paradise.ErrBadOffset
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (driver) Store(context.Context, *paradise.Session, string, paradise.StoreOptions) (paradise.Upload, error) {
	return nil, fs.ErrPermission
}

func (driver) Mkdir(context.Context, *paradise.Session, string) error { return fs.ErrPermission }

func (driver) Remove(context.Context, *paradise.Session, string) error { return fs.ErrPermission }

func (driver) RemoveDir(context.Context, *paradise.Session, string) error { return fs.ErrPermission }

func (driver) Rename(context.Context, *paradise.Session, string, string, paradise.RenameOptions) error {
	return fs.ErrPermission
}

func (driver) Copy(context.Context, *paradise.Session, string, string, paradise.CopyOptions) error {
	return fs.ErrPermission
}

func (driver) SetAttr(context.Context, *paradise.Session, string, paradise.Attr) error {
	return fs.ErrPermission
}

// local turns "/a/b" into "a/b" and "/" into ".", the form of names in io/fs.
func local(name string) string {
	if name == "/" {
		return "."
	}
	return strings.TrimPrefix(name, "/")
}

// known adds to errors of the operating system the errors that the core knows. A name
// that is impossible does not exist.
func known(err error) error {
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return errors.Join(paradise.ErrNotDir, err)
	case errors.Is(err, fs.ErrInvalid), errors.Is(err, syscall.ENAMETOOLONG):
		return errors.Join(fs.ErrNotExist, err)
	default:
		return err
	}
}
