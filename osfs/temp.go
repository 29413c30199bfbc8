package osfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/paradiseftp/paradise"
)

// temp is a file that is not published yet: without a name where the file
// system has that, else under a hidden one.
type temp struct {
	dir    *dir
	folder string // of dir, for the register
	reg    *register
	f      *os.File
	name   string // empty: unnamed
}

func (d *folder) newTemp(in *dir, folder string) (*temp, error) {
	t := &temp{dir: in, folder: folder, reg: d.reg}
	if !d.named.Load() {
		f, err := in.createUnnamed(d.opts.FileMode)
		if err == nil {
			t.f = f
			return t, nil
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return nil, mapError(err)
		}
		d.named.Store(true)
	}
	name, err := d.reg.take(folder)
	if err != nil {
		return nil, mapError(err)
	}
	f, err := in.create(name, d.opts.FileMode)
	if err != nil {
		d.reg.done()
		return nil, mapError(err)
	}
	t.f, t.name = f, name
	return t, nil
}

// inherit gives the file the permission bits of the one it replaces, and its
// owner and group as far as the process may.
func (t *temp) inherit(old info) error {
	fi, err := t.f.Stat()
	if err != nil {
		return err
	}
	own := infoOf(fi)
	if own.uid != old.uid || own.gid != old.gid {
		if t.f.Chown(int(old.uid), int(old.gid)) != nil {
			_ = t.f.Chown(-1, int(old.gid)) // ours to give only with privileges
		}
	}
	if own.mode.Perm() == old.mode.Perm() {
		return nil
	}
	return t.f.Chmod(old.mode.Perm())
}

// become gives the file the attributes of one whose place it takes elsewhere.
func (t *temp) become(old info) error {
	if err := t.inherit(old); err != nil {
		return err
	}
	return t.dir.setTime(t.f, t.name, old.mtime)
}

// publish gives the file its name and closes it. With exclusive the name must
// be free.
//
// Programs that watch the folder must learn of the whole file under that name,
// so it always comes by a rename: a link of an unnamed file to its final name
// looks to them like the begin of a file whose end never comes.
func (t *temp) publish(base string, exclusive bool) error {
	if t.name != "" {
		return t.publishNamed(base, exclusive)
	}
	name, err := t.reg.take(t.folder)
	if err != nil {
		return mapError(err)
	}
	defer t.reg.done()
	if err := t.dir.linkUnnamed(t.f, name); err != nil {
		return mapError(err)
	}
	if err := t.rename(name, base, exclusive); err != nil {
		_ = t.dir.remove(name)
		return renameError(err)
	}
	if err := t.close(); err != nil { // by its name it is there
		return fmt.Errorf("%w: %w", paradise.ErrUnknownOutcome, err)
	}
	return nil
}

// publishNamed closes first: some file systems report a full disk only there.
func (t *temp) publishNamed(base string, exclusive bool) error {
	if err := t.close(); err != nil {
		return err
	}
	if err := t.rename(t.name, base, exclusive); err != nil {
		return renameError(err)
	}
	t.name = ""
	t.reg.done()
	return nil
}

func (t *temp) rename(name, base string, exclusive bool) error {
	if exclusive {
		return t.dir.renameNew(name, t.dir, base)
	}
	return t.dir.rename(name, t.dir, base)
}

// renameError: a folder has taken the name since Store looked.
func renameError(err error) error {
	if _, ok := errors.AsType[*os.LinkError](err); ok {
		return as(paradise.ErrIsDir, err, fs.ErrExist) // how os.Root says it
	}
	return mapError(err)
}

func (t *temp) close() error {
	if t.f == nil {
		return nil
	}
	f := t.f
	t.f = nil
	if err := f.Close(); err != nil {
		return mapError(fmt.Errorf("osfs: the end of an upload: %w", err))
	}
	return nil
}

// discard removes what is left; it may be called at any time.
func (t *temp) discard() {
	_ = t.close()
	if t.name == "" {
		return
	}
	_ = t.dir.remove(t.name)
	t.name = ""
	t.reg.done()
}
