package osfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"github.com/paradiseftp/paradise"
)

func (d *folder) Mkdir(_ context.Context, _ *paradise.Session, name string) error {
	f, base, err := d.parent(name)
	if errors.Is(err, errRoot) {
		return fmt.Errorf("osfs: %q: %w", name, fs.ErrExist)
	}
	if err != nil {
		return err
	}
	defer f.close()
	return mapError(f.mkdir(base, d.opts.DirMode))
}

func (d *folder) Remove(_ context.Context, _ *paradise.Session, name string) error {
	f, base, err := d.parent(name)
	if errors.Is(err, errRoot) {
		return errIsDir(name)
	}
	if err != nil {
		return err
	}
	defer f.close()
	err = f.remove(base)
	if errors.Is(err, fs.ErrPermission) { // how some systems refuse a folder
		if i, e := f.lstat(base); e == nil && i.mode.IsDir() {
			return errIsDir(name)
		}
	}
	return mapError(err)
}

// RemoveDir tries again where nothing but what dead processes left was in the way.
func (d *folder) RemoveDir(ctx context.Context, _ *paradise.Session, name string) error {
	f, base, err := d.parent(name)
	if err != nil {
		return err
	}
	defer f.close()
	err = mapRemoveDir(f.removeDir(base))
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

func (d *folder) Rename(_ context.Context, _ *paradise.Session, from, to string, o paradise.RenameOptions) error {
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
	if !old.mode.IsDir() && !o.NoReplace {
		return as(fs.ErrExist, src.rename(base, dst, newBase), syscall.EISDIR, fs.ErrExist)
	}
	err = src.renameNew(base, dst, newBase)
	if errors.Is(err, fs.ErrExist) {
		// The name may be the folder's own, in another letter case.
		if now, e := dst.lstat(newBase); e == nil && sameFile(now, old) {
			err = src.rename(base, dst, newBase)
		}
	}
	return mapError(err)
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
