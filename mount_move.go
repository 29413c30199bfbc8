package paradise

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"
)

// crossing is a rename from one storage to another: the bytes are copied, published as an
// upload's, and only then is the old name removed.
type crossing struct {
	m        *mounts
	s        *Session
	src, dst place
	o        RenameOptions // Version without mark
	old      Entry         // of src

	ctx    context.Context // of the upload: ends with that of the rename, until detach
	detach func() bool     // false if ctx has ended already
	r      io.ReadCloser   // of the old name
	up     Upload          // to the new one
}

// crossingEnd bounds what is done once nobody can stop the move any more.
const crossingEnd = time.Minute

// run changes nothing where it fails, but for an error that says so. Before the first
// Step it only looks.
func (c *crossing) run(ctx context.Context) error {
	if err := c.sharing(ctx, c.look); err != nil {
		return err
	}
	if err := Step(ctx); err != nil {
		return err
	}
	var end context.CancelCauseFunc
	c.ctx, end = context.WithCancelCause(context.WithoutCancel(ctx))
	c.detach = context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })
	defer c.detach()
	if err := c.sharing(ctx, c.open); err != nil {
		return err
	}
	defer c.r.Close()
	return c.carry(ctx)
}

// sharing calls step apart from moves of the two names: what another move does in between
// is nothing that a client may be told of.
func (c *crossing) sharing(ctx context.Context, step func(context.Context) error) error {
	leave, err := c.m.turns.share(ctx, c.src.key(), c.dst.key())
	if err != nil {
		return err
	}
	defer leave()
	return step(ctx)
}

// open sets r and up, or neither.
func (c *crossing) open(ctx context.Context) (err error) {
	if c.r, err = c.src.FileDriver.Open(ctx, c.s, c.src.inner, 0); err != nil {
		return c.src.named(err)
	}
	o := StoreOptions{
		Exclusive: c.o.NoReplace, SizeHint: max(c.old.Size, 0),
		Accept: func([]byte, int64) error { return c.unchanged(c.ctx) },
	}
	c.up, err = c.dst.FileDriver.Store(c.ctx, c.s, c.dst.inner, o)
	if err == nil && c.up == nil {
		err = errors.New("paradise: driver returned no Upload and no error")
	}
	if err != nil {
		c.r.Close()
	}
	return c.dst.named(err)
}

// look refuses what can be known beforehand.
func (c *crossing) look(ctx context.Context) (err error) {
	if c.old, err = c.src.FileDriver.Stat(ctx, c.s, c.src.inner); err != nil {
		return c.src.named(err)
	}
	switch {
	case c.old.IsDir():
		return &ReplyError{Code: 550, Text: "A folder can't be moved to another storage"}
	case c.o.Folder:
		return ErrNotDir
	case !c.old.Mode.IsRegular():
		return &ReplyError{Code: 550, Text: "Not a regular file, can't be moved to another storage"}
	case c.o.Version != "" && c.o.Version != c.old.Version:
		return c.busy()
	case c.old.Deny&(PermRename|PermDelete) != 0: // else the old name would stay
		return &fs.PathError{Op: "rename", Path: c.src.name, Err: fs.ErrPermission}
	}
	now, err := c.dst.FileDriver.Stat(ctx, c.s, c.dst.inner)
	switch {
	case err == nil && (c.o.NoReplace || now.IsDir()):
		return &fs.PathError{Op: "rename", Path: c.dst.name, Err: fs.ErrExist}
	case err != nil && !isUnsupported(err) && !errors.Is(err, fs.ErrNotExist):
		return c.dst.named(err)
	}
	return nil
}

func (c *crossing) busy() error {
	return fmt.Errorf("paradise: %q was changed while it was moved: %w", c.src.name, ErrBusy)
}

// carry ends the upload, one way or the other.
func (c *crossing) carry(ctx context.Context) (err error) {
	done := false
	defer func() {
		if !done {
			c.up.Abort(context.WithoutCancel(ctx), cmp.Or(err, errPanic))
		}
	}()
	if err := c.fill(ctx); err != nil {
		return err
	}
	if err := Step(ctx); err != nil {
		return err
	}
	leave, err := c.m.turns.alone(ctx, c.src.key(), c.dst.key())
	if err != nil {
		return err
	}
	defer leave()
	if err := c.unchanged(ctx); err != nil {
		return err
	}
	if !c.detach() {
		return context.Cause(ctx)
	}
	last, cancel := context.WithTimeout(c.ctx, crossingEnd)
	defer cancel()
	if err := c.up.Commit(last); err != nil {
		return c.dst.named(err)
	}
	done = true
	c.keepAttributes(last)
	return c.removed(c.removeOld(last))
}

// Of what moves so many bytes are looked at, and so many go at a time.
const (
	crossingHead = 512
	crossingPart = 256 << 10
)

func (c *crossing) fill(ctx context.Context) error {
	buf := make([]byte, crossingPart)
	n, err := io.ReadFull(c.r, buf[:crossingHead])
	whole := err == io.EOF || err == io.ErrUnexpectedEOF
	if err != nil && !whole {
		return err
	}
	info := UploadInfo{Head: buf[:n], Whole: whole}
	info.setType(info.Head)
	if err := c.up.Begin(ctx, info); err != nil {
		return err
	}
	for {
		if n > 0 {
			k, err := c.up.Write(buf[:n])
			if err == nil && k < n {
				err = io.ErrShortWrite
			}
			if err != nil {
				return err
			}
		}
		if whole {
			return nil
		}
		if err := Step(ctx); err != nil {
			return err
		}
		n, err = c.r.Read(buf)
		if whole = err == io.EOF; err != nil && !whole {
			return err
		}
	}
}

// unchanged is nil while the old name has what was read, as far as its storage tells.
func (c *crossing) unchanged(ctx context.Context) error {
	now, err := c.src.FileDriver.Stat(ctx, c.s, c.src.inner)
	switch {
	case err != nil:
		return c.src.named(err)
	case now.Version != c.old.Version, now.Size != c.old.Size, !now.ModTime.Equal(c.old.ModTime):
		return c.busy()
	}
	return nil
}

// keepAttributes is worth no failure: the file is where it should be.
func (c *crossing) keepAttributes(ctx context.Context) {
	had, can := c.src.Features(c.s), c.dst.Features(c.s)
	var a Attr
	if can&FeatureSetTime != 0 {
		a.ModTime = c.old.ModTime
	}
	if can&FeatureSetCreated != 0 {
		a.Created = c.old.Created
	}
	if had&can&FeatureSetMode != 0 {
		a.SetMode, a.Mode = true, c.old.Mode.Perm()
	}
	if a != (Attr{}) {
		_ = c.dst.FileDriver.SetAttr(ctx, c.s, c.dst.inner, a)
	}
}

// removeOld removes what was copied and nothing else: a rename is what a storage does
// only to the version that is meant. A file that goes aside takes the new name with it
// where two drivers have led to one file under two names; then it comes back.
func (c *crossing) removeOld(ctx context.Context) error {
	d, name := c.src.FileDriver, c.src.inner
	aside := path.Join(path.Dir(name), ".moved-"+uniqueSuffix())
	back := func() error { return d.Rename(ctx, c.s, aside, name, RenameOptions{NoReplace: true}) }
	err := d.Rename(ctx, c.s, name, aside, RenameOptions{NoReplace: true, Version: c.old.Version})
	if isUnsupported(err) || errors.Is(err, ErrBadName) { // not aside, then
		if err := c.unchanged(ctx); err != nil {
			return err
		}
		return d.Remove(ctx, c.s, name)
	}
	if err != nil {
		return err
	}
	if _, err := c.dst.FileDriver.Stat(ctx, c.s, c.dst.inner); errors.Is(err, fs.ErrNotExist) {
		return back()
	}
	if err := d.Remove(ctx, c.s, aside); err != nil {
		return errors.Join(err, back())
	}
	return nil
}

// removed says what became of the old name.
func (c *crossing) removed(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrUnknownOutcome):
		return err
	case errors.Is(err, ErrBusy):
		const text = "Copied to the new name, but the old one was changed meanwhile and stays"
		return &ReplyError{Code: 450, Text: text, Err: err}
	}
	return &ReplyError{Code: 550, Text: "Copied to the new name, but the old one can't be removed", Err: err}
}
