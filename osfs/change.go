package osfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/paradiseftp/paradise"
)

// Mkdir keeps everybody else out: what a rename has seen to be a file must not be a folder
// a moment later, which the kernel would let replace an empty one.
func (d *folder) Mkdir(ctx context.Context, _ *paradise.Session, name string) error {
	f, base, err := d.parent(name)
	if errors.Is(err, errRoot) {
		return fmt.Errorf("osfs: %q: %w", name, fs.ErrExist)
	}
	if err != nil {
		return err
	}
	defer f.close()
	if _, err := f.lstat(base); err == nil { // devices make their folder before each upload
		return fmt.Errorf("osfs: %q: %w", name, fs.ErrExist)
	}
	h, err := d.alone(ctx, f)
	if err != nil {
		return err
	}
	defer h.release()
	return mapError(f.mkdir(base, d.opts.DirMode))
}

func (d *folder) Remove(ctx context.Context, _ *paradise.Session, name string) error {
	f, base, err := d.parent(name)
	if errors.Is(err, errRoot) {
		return errIsDir(name)
	}
	if err != nil {
		return err
	}
	defer f.close()
	h, err := d.share(ctx, f)
	if err != nil {
		return err
	}
	defer h.release()
	err = f.remove(base)
	if errors.Is(err, fs.ErrPermission) { // how some systems refuse a folder
		if i, e := f.lstat(base); e == nil && i.mode.IsDir() {
			return errIsDir(name)
		}
	}
	return mapError(busyMount(err, f, base))
}

// RemoveDir tries again where nothing but what dead processes left was in the way.
func (d *folder) RemoveDir(ctx context.Context, _ *paradise.Session, name string) error {
	f, base, err := d.parent(name)
	if err != nil {
		return err
	}
	defer f.close()
	err = mapRemoveDir(busyMount(f.removeDir(base), f, base))
	if !errors.Is(err, paradise.ErrNotEmpty) || !d.sweepFolder(ctx, name) {
		return err
	}
	return mapRemoveDir(f.removeDir(base))
}

func mapRemoveDir(err error) error { return as(paradise.ErrNotEmpty, err, fs.ErrExist) }

// sweepFolder reports whether it removed something from a folder.
func (d *folder) sweepFolder(ctx context.Context, name string) bool {
	rel, err := clean(name)
	if err != nil {
		return false
	}
	f, err := d.top.open(rel)
	if err != nil {
		return false
	}
	defer f.close()
	return d.reg.sweepFolder(ctx, f)
}

func (d *folder) Rename(ctx context.Context, _ *paradise.Session, from, to string, o paradise.RenameOptions) error {
	src, base, err := d.parent(from)
	if err != nil {
		return err
	}
	defer src.close()
	old, err := src.lstat(base)
	if err != nil {
		return mapError(err)
	}
	dst, newBase, err := d.parent(to)
	if errors.Is(err, errRoot) {
		return fmt.Errorf("osfs: %q: %w", to, fs.ErrExist)
	}
	if err != nil {
		return err
	}
	defer dst.close()
	m := &move{d, spot{src, parentOf(from), base}, spot{dst, parentOf(to), newBase}, old, o}
	err = m.rename(ctx)
	if errors.Is(err, errCrossDevice) {
		return m.run(ctx, err)
	}
	err = busyMount(err, src, base)
	return as(fs.ErrExist, err, syscall.EISDIR, fs.ErrExist)
}

// rename is one step of the kernel where it replaces whatever is there. All others look
// first, so they keep everybody else out meanwhile.
func (m *move) rename(ctx context.Context) error {
	if m.o == (paradise.RenameOptions{}) && single(m.old) {
		if done, err := m.renameFile(ctx); done {
			return err
		}
	}
	return m.renameAlone(ctx)
}

// single is what a rename replaces files with, and with nothing to look at but itself.
func single(i info) bool { return !i.mode.IsDir() && i.links <= 1 }

// renameFile is done unless the name is no single file any more. Nobody makes a folder
// of it meanwhile: that is not done beside others.
func (m *move) renameFile(ctx context.Context) (done bool, err error) {
	h, err := m.d.share(ctx, m.from.dir, m.to.dir)
	if err != nil {
		return true, err
	}
	defer h.release()
	if now, err := m.from.dir.lstat(m.from.base); err != nil || !single(now) {
		return err != nil, err
	}
	return true, m.from.dir.rename(m.from.base, m.to.dir, m.to.base)
}

// renameAlone compares what both names lead to now: the number of a file that was looked
// at earlier may be another one's by now. Where the new name is a second one of the same
// file the kernel does nothing, and the old one would stay.
func (m *move) renameAlone(ctx context.Context) error {
	h, err := m.d.alone(ctx, m.from.dir, m.to.dir)
	if err != nil {
		return err
	}
	defer h.release()
	if err := m.asKnown(ctx); err != nil {
		return err
	}
	src, base := m.from.dir, m.from.base
	old, err := src.lstat(base)
	if err != nil {
		return err
	}
	if m.o.Folder && !old.mode.IsDir() {
		return paradise.ErrNotDir
	}
	now, err := m.to.dir.lstat(m.to.base)
	same := err == nil && sameFile(now, old)
	own := same && (old.mode.IsDir() || old.links <= 1 || strings.EqualFold(base, m.to.base) && sameDir(src, m.to.dir))
	switch {
	case own: // the name of the file itself, in another letter case
		return src.rename(base, m.to.dir, m.to.base)
	case m.o.NoReplace && err == nil:
		return fs.ErrExist
	case same:
		return src.remove(base)
	case m.o.NoReplace || old.mode.IsDir(): // a folder replaces nothing
		return src.renameNew(base, m.to.dir, m.to.base)
	}
	return src.rename(base, m.to.dir, m.to.base)
}

// asKnown is nil if what moves has the version that was asked for, if one was. A path
// may lead to another folder by now, so it is asked for links only.
func (m *move) asKnown(ctx context.Context) error {
	if m.o.Version == "" {
		return nil
	}
	i, err := m.from.dir.lstat(m.from.base)
	is := string(i.appendVersion(nil))
	if err == nil && !i.mode.IsRegular() {
		var e paradise.Entry
		e, err = m.d.Stat(ctx, nil, path.Join("/", m.from.parent, m.from.base))
		is = e.Version
	}
	if err == nil && is != m.o.Version {
		err = fmt.Errorf("osfs: %q is another one by now: %w", m.from.base, paradise.ErrBusy)
	}
	return err
}

// parentOf is the folder of a name that parent has opened.
func parentOf(name string) string {
	rel, _ := clean(name)
	parent, _ := split(rel)
	return parent
}

// busyMount tells what a mount keeps in its place from what is busy for a while.
func busyMount(err error, d *dir, name string) error {
	if errors.Is(err, syscall.EBUSY) && d.isMount(name) {
		return &paradise.ReplyError{Code: 550, Text: "A file system is mounted there", Err: err}
	}
	return err
}

func (d *folder) SetAttr(_ context.Context, _ *paradise.Session, name string, a paradise.Attr) error {
	rel, err := clean(name)
	if err != nil {
		return err
	}
	can := features()
	switch {
	case !a.Created.IsZero(),
		a.SetMode && can&paradise.FeatureSetMode == 0,
		(a.Owner != "" || a.Group != "") && can&paradise.FeatureSetOwner == 0:
		return errors.ErrUnsupported
	}
	uid, gid, err := ids(a)
	if err != nil {
		return err
	}
	if err := d.notTop(rel); err != nil {
		return err
	}
	if uid >= 0 || gid >= 0 { // first: it is what is refused most, and clears mode bits
		if err := d.root.Chown(rel, uid, gid); err != nil {
			return mapError(err)
		}
	}
	if a.SetMode {
		if err := d.root.Chmod(rel, a.Mode.Perm()); err != nil {
			return mapError(err)
		}
	}
	if !a.ModTime.IsZero() {
		return mapError(d.root.Chtimes(rel, time.Time{}, a.ModTime))
	}
	return nil
}

// notTop refuses the served folder, which a link may lead to as well: its
// attributes are the operator's.
func (d *folder) notTop(rel string) error {
	fi, err := d.root.Stat(rel)
	if err == nil && sameFile(infoOf(fi), d.id) {
		err = errRoot
	}
	return mapError(err)
}

// ids looks the owner and group of a up; -1 leaves one as it is.
func ids(a paradise.Attr) (uid, gid int, err error) {
	uid, gid = -1, -1
	if a.Owner != "" {
		uid, err = id(a.Owner, func(name string) (string, error) {
			u, err := user.Lookup(name)
			if err != nil {
				return "", err
			}
			return u.Uid, nil
		})
	}
	if a.Group != "" && err == nil {
		gid, err = id(a.Group, func(name string) (string, error) {
			g, err := user.LookupGroup(name)
			if err != nil {
				return "", err
			}
			return g.Gid, nil
		})
	}
	return uid, gid, err
}

func id(name string, lookup func(string) (string, error)) (int, error) {
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n), nil
	}
	text, err := lookup(name)
	if err != nil {
		return -1, &paradise.ReplyError{Code: 501, Text: "Owner or group not known", Err: err}
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1, errors.ErrUnsupported // Windows has no numbers
	}
	return n, nil
}
