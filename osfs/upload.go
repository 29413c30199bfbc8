package osfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/paradiseftp/paradise"
)

func (d *folder) Store(ctx context.Context, _ *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	t, err := d.target(name)
	if err != nil {
		return nil, err
	}
	u := &upload{d: d, ctx: ctx, target: t, o: o}
	if err := u.reserve(); err != nil {
		u.release()
		return nil, err
	}
	if d.opts.InPlaceResume && t.exists && (o.Offset > 0 || o.Append) {
		return newInPlace(u)
	}
	if u.temp, err = d.newTemp(t.dir, t.folder); err != nil {
		u.release()
		return nil, err
	}
	return u, nil
}

// target is where an upload goes.
type target struct {
	dir    *dir
	folder string // dir's name in the register's folder
	base   string
	exists bool
	old    info // where it exists: a regular file
}

func (t *target) key() string { return path.Join(t.folder, t.base) }

// target opens the folder that an upload goes to and looks at what is there.
func (d *folder) target(name string) (target, error) {
	rel, err := clean(name)
	if err != nil {
		return target{}, err
	}
	if rel == "." {
		return target{}, errIsDir("/")
	}
	t, err := d.targetAt(rel)
	if err == errLink {
		return d.throughLinks(rel)
	}
	return t, err
}

func (d *folder) targetAt(rel string) (target, error) {
	parent, base := split(rel)
	f, err := d.top.open(parent)
	if err != nil {
		return target{}, mapError(err)
	}
	t := target{dir: f, folder: path.Join(d.prefix, parent), base: base}
	t.old, err = f.lstat(base)
	t.exists = err == nil
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	case err != nil:
		err = mapError(err)
	case t.old.mode.IsDir():
		err = errIsDir(base)
	case t.old.mode&fs.ModeSymlink != 0:
		err = errLink
	case !t.old.mode.IsRegular():
		err = errSpecial(base)
	}
	if err != nil {
		f.close()
		return target{}, err
	}
	return t, nil
}

// throughLinks follows links by their text, and takes the result only if
// os.Root comes to the same file.
func (d *folder) throughLinks(rel string) (target, error) {
	real, err := d.root.Stat(rel)
	if err != nil {
		return target{}, mapError(err)
	}
	const maxLinks = 8 // as os.Root
	for at := range maxLinks {
		text, err := d.root.Readlink(rel)
		if err != nil {
			return target{}, mapError(err)
		}
		parent, _ := split(rel)
		if rel, err = clean(path.Join("/", parent, text)); err != nil {
			return target{}, err
		}
		t, err := d.targetAt(rel)
		if err == errLink && at < maxLinks-1 {
			continue
		}
		if err == nil && !sameFile(t.old, infoOf(real)) {
			t.dir.close()
			err = fmt.Errorf("osfs: %q leads elsewhere: %w", rel, fs.ErrPermission)
		}
		if err != nil {
			return target{}, err
		}
		return t, nil
	}
	return target{}, errSpecial(rel)
}

// upload is a transaction: all goes to a temporary until Commit.
type upload struct {
	target
	d    *folder
	ctx  context.Context
	o    paradise.StoreOptions
	temp *temp

	src     *os.File // the old version that the temporary begins with; open, so that no other file gets its identity
	head    int64    // bytes that were copied from it
	size    int64    // of the temporary
	flushed int64    // how much of it the disk was asked to write
	taken   bool     // whether the name in d.busy is ours
}

// reserve makes the checks that can be made before there is data.
func (u *upload) reserve() error {
	switch {
	case u.exists && u.o.Exclusive:
		return fmt.Errorf("osfs: %q: %w", u.base, fs.ErrExist)
	case !u.exists && u.o.Existing:
		return fmt.Errorf("osfs: %q: %w", u.base, fs.ErrNotExist)
	case u.o.Offset < 0, u.o.Offset > u.old.size:
		return fmt.Errorf("osfs: offset %d of %q: %w", u.o.Offset, u.base, paradise.ErrBadOffset)
	}
	if u.exists { // the folder's rights alone would let a protected file be replaced
		err := u.dir.mayWrite(u.base)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it may go at any time
			return mapError(err)
		}
	}
	if u.o.SizeHint > 0 {
		if free, err := u.dir.space(); err == nil && free < u.o.SizeHint {
			return fmt.Errorf("osfs: %d bytes announced, %d free: %w", u.o.SizeHint, free, paradise.ErrNoSpace)
		}
	}
	inPlace := u.d.opts.InPlaceResume && (u.o.Offset > 0 || u.o.Append)
	if u.d.opts.ExclusiveWriters || inPlace {
		u.taken = u.d.busy.take(u.key())
		switch {
		case u.taken:
		case u.o.Exclusive: // STOU then picks another name
			return fmt.Errorf("osfs: %q is being written: %w", u.base, fs.ErrExist)
		default:
			return fmt.Errorf("osfs: %q is being written: %w", u.base, paradise.ErrBusy)
		}
	}
	return nil
}

// Begin copies what stays of the old version.
func (u *upload) Begin(ctx context.Context, _ paradise.UploadInfo) error {
	switch {
	case u.o.Offset > 0:
		return as(paradise.ErrBusy, u.copyOld(ctx, u.o.Offset), fs.ErrNotExist) // it was there at Store
	case u.o.Append && u.exists:
		err := u.copyOld(ctx, wholeFile)
		if errors.Is(err, fs.ErrNotExist) { // an append may begin the file anew
			u.exists = false
			return nil
		}
		return err
	}
	return nil
}

func (u *upload) Write(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, context.Cause(u.ctx)
	}
	n, err := u.temp.f.Write(p)
	u.grew(int64(n))
	return n, mapError(err)
}

// File is where the core may splice to, nil where Write has more to do.
func (u *upload) File() *os.File {
	if u.d.opts.Durable || u.o.Append || u.o.Offset > 0 || u.ctx.Err() != nil {
		return nil
	}
	return u.temp.f
}

// grew keeps the bytes that wait in memory few.
func (u *upload) grew(n int64) {
	u.size += n
	if u.d.opts.Durable && u.size-u.flushed >= writebackStep {
		u.d.sync.writeback(u.temp.f, u.flushed, u.size-u.flushed)
		u.flushed = u.size
	}
}

func (u *upload) Commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := u.finish(); err != nil {
		return err
	}
	if err := u.publish(ctx); err != nil {
		return err
	}
	if err := u.syncFolder(); err != nil {
		return err
	}
	u.release()
	return nil
}

// syncFolder brings the name to the disk, where that was asked for. The file has its
// name by then, so even a full disk is no refusal.
func (u *upload) syncFolder() error {
	if !u.d.opts.Durable {
		return nil
	}
	if err := u.d.sync.groups.do(u.folder, func() error { return u.d.sync.folder(u.dir) }); err != nil {
		return fmt.Errorf("%w: %w", paradise.ErrUnknownOutcome, mapError(err))
	}
	return nil
}

// finish makes the temporary ready to take the name.
func (u *upload) finish() error {
	if u.src != nil { // it builds on the old one
		keepAttributes(u.temp.f, u.src)
	}
	if u.exists {
		if err := u.temp.inherit(u.old); err != nil {
			return mapError(err)
		}
	}
	if u.d.opts.Durable {
		return mapError(u.d.sync.data(u.temp.f))
	}
	return nil
}

// publish gives the file its name. What builds on an old file takes care of that in
// join.
func (u *upload) publish(ctx context.Context) error {
	if u.o.Append || u.o.Offset > 0 {
		return u.join(ctx)
	}
	if err := accepted(u.o.Accept, u.temp.f, u.size); err != nil {
		return err
	}
	hold := u.d.share
	if u.o.Existing {
		hold = u.d.alone
	}
	h, err := hold(ctx, u.dir)
	if err != nil {
		return err
	}
	defer h.release()
	if err := u.d.found(u.dir); err != nil {
		return err
	}
	if u.o.Existing {
		if _, err := u.dir.lstat(u.base); err != nil {
			return mapError(err)
		}
	}
	return u.temp.publish(u.base, u.o.Exclusive)
}

// accepted asks the core about a result, if it wants to be asked.
func accepted(accept func([]byte, int64) error, f *os.File, size int64) error {
	if accept == nil {
		return nil
	}
	head := make([]byte, min(size, 4096))
	if _, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return mapError(err)
	}
	return accept(head, size)
}

// Abort removes the temporary.
func (u *upload) Abort(context.Context, error) { u.release() }

func (u *upload) release() {
	if u.temp != nil {
		u.temp.discard()
		u.temp = nil
	}
	if u.taken {
		u.d.busy.free(u.key())
		u.taken = false
	}
	u.closeSource()
	if u.dir != nil {
		u.dir.close()
		u.dir = nil
	}
}

func (u *upload) closeSource() {
	if u.src != nil {
		u.src.Close()
		u.src = nil
	}
}
