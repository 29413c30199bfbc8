//go:build !linux

package osfs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"sync/atomic"
	"syscall"
	"time"
)

// dir is a folder by its name in a root, which resolves it anew each time;
// names are single elements.
type dir struct {
	root  *os.Root
	rel   string
	own   bool // root is closed with it
	up    *dir // held open too; nil: none
	users atomic.Int32
}

// openTop opens the folder of a root and takes the root over.
func openTop(root *os.Root) (*dir, error) {
	d := &dir{root: root, rel: ".", own: true}
	d.users.Store(1)
	return d, nil
}

// open opens a folder below d, which is a root's own.
func (d *dir) open(rel string) (*dir, error) {
	if rel == "." {
		return d.retain()
	}
	fi, err := d.root.Stat(rel)
	if err == nil && !fi.IsDir() {
		err = d.pathError("open", rel, syscall.ENOTDIR)
	}
	if err != nil {
		return nil, err
	}
	sub := &dir{root: d.root, rel: rel}
	sub.users.Store(1)
	return sub, sub.hold(d)
}

// free ends a folder that has no user left.
func (d *dir) free() {
	if d.own {
		d.root.Close()
	}
	if d.up != nil {
		d.up.close()
	}
}

func (d *dir) name(base string) string { return path.Join(d.rel, base) }

func (d *dir) pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// statPath describes what a path leads to.
func statPath(path string) (info, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return info{}, err
	}
	return infoOf(fi), nil
}

// self describes the folder itself.
func (d *dir) self() (info, error) { return d.stat(".") }

// stat follows links.
func (d *dir) stat(base string) (info, error) {
	fi, err := d.root.Stat(d.name(base))
	if err != nil {
		return info{}, err
	}
	return infoOf(fi), nil
}

// below: the root finds d by its name each time, so it is there or not found at all.
func (d *dir) below(info) (bool, error) { return true, nil }

// mayEnter tries whether names in the folder can be looked up.
func (d *dir) mayEnter() error {
	_, err := d.stat(".")
	return err
}

// openFile opens a regular file and never waits for the other end of a FIFO.
// A link is errLink.
func (d *dir) openFile(base string, flag int) (*os.File, info, error) {
	i, err := d.lstat(base)
	switch {
	case err != nil:
		return nil, info{}, err
	case i.mode&fs.ModeSymlink != 0:
		return nil, info{}, errLink
	case i.mode.IsDir():
		return nil, info{}, errIsDir(base)
	case !i.mode.IsRegular():
		return nil, info{}, errSpecial(base)
	}
	return openRegular(d.root, d.name(base), flag)
}

func (d *dir) create(base string, perm fs.FileMode) (*os.File, error) {
	return d.root.OpenFile(d.name(base), os.O_RDWR|os.O_CREATE|os.O_EXCL, perm.Perm())
}

func (d *dir) createUnnamed(fs.FileMode) (*os.File, error) { return nil, errors.ErrUnsupported }

func (d *dir) linkUnnamed(*os.File, string) error { return errors.ErrUnsupported }

func (d *dir) canLink() bool { return false }

func (d *dir) lstat(base string) (info, error) {
	fi, err := d.root.Lstat(d.name(base))
	if err != nil {
		return info{}, err
	}
	return infoOf(fi), nil
}

func (d *dir) mkdir(base string, perm fs.FileMode) error {
	return d.root.Mkdir(d.name(base), perm.Perm())
}

func (d *dir) remove(base string) error {
	if i, err := d.lstat(base); err == nil && i.mode.IsDir() {
		return errIsDir(base)
	}
	return d.root.Remove(d.name(base))
}

func (d *dir) removeDir(base string) error {
	if i, err := d.lstat(base); err == nil && !i.mode.IsDir() {
		return d.pathError("rmdir", base, syscall.ENOTDIR)
	}
	return d.root.Remove(d.name(base))
}

func (d *dir) readlink(base string) (string, error) { return d.root.Readlink(d.name(base)) }

func (d *dir) symlink(text, base string) error { return d.root.Symlink(text, d.name(base)) }

// setTime sets the time of an open file by its name.
func (d *dir) setTime(_ *os.File, base string, mtime time.Time) error {
	return d.root.Chtimes(d.name(base), time.Time{}, mtime)
}

// mayChange cannot be asked here; the removal tells.
func (d *dir) mayChange() error { return nil }

// isMount cannot be told here.
func (d *dir) isMount(string) bool { return false }

// rename replaces a file, never a folder.
func (d *dir) rename(from string, to *dir, base string) error {
	return d.root.Rename(d.name(from), to.name(base))
}

// renameNew takes a name that must be free. A link does that atomically where
// files can have two names.
func (d *dir) renameNew(from string, to *dir, base string) error {
	err := d.root.Link(d.name(from), to.name(base))
	if err == nil {
		return d.root.Remove(d.name(from))
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := to.lstat(base); err == nil {
		return d.pathError("rename", base, syscall.EEXIST)
	}
	return d.rename(from, to, base)
}

// fsync brings the folder's names to the disk, where the system can.
func (d *dir) fsync() error {
	f, err := d.root.Open(d.rel)
	if err != nil {
		return err
	}
	defer f.Close()
	return syncFolder(f)
}

// reader opens the folder for reading its names.
func (d *dir) reader() (*dirReader, error) {
	held, err := d.retain()
	if err != nil {
		return nil, err
	}
	f, err := d.root.Open(d.rel)
	if err != nil {
		held.close()
		return nil, err
	}
	return &dirReader{d: held, f: f}, nil
}

// dirReader reads a folder.
type dirReader struct {
	d *dir
	f *os.File
}

func (r *dirReader) close() {
	r.f.Close()
	r.d.close()
}

// rewind has the next names begin with the first.
func (r *dirReader) rewind() error {
	_, err := r.f.Seek(0, io.SeekStart)
	return err
}

// names yields the names in the folder, in the order of the disk.
func (r *dirReader) names(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for {
			batch, err := r.f.Readdirnames(256)
			for _, name := range batch {
				if !yield(name, nil) {
					return
				}
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				if err != io.EOF {
					yield("", err)
				}
				return
			}
		}
	}
}

func (r *dirReader) lstat(name string, i *info) (err error) {
	*i, err = r.d.lstat(name)
	return err
}

func (r *dirReader) readlink(name string) (string, error) { return r.d.readlink(name) }
