package osfs

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"strings"

	"github.com/paradiseftp/paradise"
)

// errLink says that a name is a symbolic link, which os.Root must follow.
var errLink = errors.New("osfs: symbolic link")

func (d *folder) Stat(_ context.Context, _ *paradise.Session, name string) (paradise.Entry, error) {
	rel, err := clean(name)
	if err != nil {
		return paradise.Entry{}, err
	}
	fi, err := d.root.Stat(rel)
	if err != nil {
		return paradise.Entry{}, mapError(err)
	}
	i := infoOf(fi)
	var buf [maxVersion]byte
	version := i.appendVersion(buf[:0])
	e := paradise.Entry{Name: path.Base("/" + rel), Version: string(version)}
	e.Unique, _, _ = strings.Cut(e.Version, "-")
	i.describe(&e, d.opts.Owners)
	return e, nil
}

func (d *folder) Open(_ context.Context, _ *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	f, i, err := d.open(name)
	if err != nil {
		return nil, mapError(err)
	}
	if offset < 0 || offset > i.size {
		return nil, closing(paradise.ErrBadOffset, f)
	}
	if offset > 0 {
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			return nil, closing(mapError(err), f)
		}
	}
	return f, nil
}

// open opens a regular file for reading and follows links inside the root.
func (d *folder) open(name string) (*os.File, info, error) {
	parent, base, err := d.parent(name)
	if errors.Is(err, errRoot) {
		return nil, info{}, errIsDir("/")
	}
	if err != nil {
		return nil, info{}, err
	}
	defer parent.close()
	f, i, err := parent.openFile(base, os.O_RDONLY)
	if err != errLink {
		return f, i, err
	}
	rel, err := clean(name)
	if err != nil {
		return nil, info{}, err
	}
	return openRegular(d.root, rel, os.O_RDONLY)
}

// openRegular lets os.Root open a file, without waiting, and refuses what is
// not regular.
func openRegular(root *os.Root, name string, flag int) (*os.File, info, error) {
	f, err := root.OpenFile(name, flag|nonBlock, 0)
	if err != nil {
		return nil, info{}, err
	}
	fi, err := f.Stat()
	switch {
	case err != nil:
	case fi.IsDir():
		err = errIsDir(name)
	case !fi.Mode().IsRegular():
		err = errSpecial(name)
	default:
		err = setBlocking(f)
	}
	if err != nil {
		return nil, info{}, closing(err, f)
	}
	return f, infoOf(fi), nil
}
