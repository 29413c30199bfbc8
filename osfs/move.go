package osfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/paradiseftp/paradise"
)

// spot is a name in an open folder.
type spot struct {
	dir    *dir
	parent string // dir's name in the served folder
	base   string
}

// move is a rename that the kernel refuses, because it leads to another file
// system: the bytes are copied, published as an upload's, and only then is the
// old name removed.
type move struct {
	d        *folder
	from, to spot
	old      info // of from
	o        paradise.RenameOptions
}

// run returns why it was not done; then nothing has changed, except where the
// error says so.
func (m *move) run(ctx context.Context, refusal error) error {
	switch kind := m.old.mode.Type(); {
	case kind.IsDir():
		return &paradise.ReplyError{Code: 550, Text: "A folder can't be moved to another file system", Err: refusal}
	case m.o.Folder: // it was one a moment ago
		return paradise.ErrNotDir
	case kind != 0 && kind != fs.ModeSymlink:
		return &paradise.ReplyError{Code: 550, Text: "Not a regular file, can't be moved to another file system", Err: refusal}
	}
	if one, err := m.look(ctx); one || err != nil {
		return err
	}
	if err := m.from.dir.mayChange(); err != nil { // else the old name would stay
		return mapError(err)
	}
	if err := paradise.Step(ctx); err != nil {
		return err
	}
	if m.old.mode.Type() == fs.ModeSymlink {
		return m.link(ctx)
	}
	return m.file(ctx)
}

// look refuses a name that may not be replaced. Both names are one file where a folder is
// mounted twice; rename then does nothing.
func (m *move) look(ctx context.Context) (one bool, err error) {
	h, err := m.d.alone(ctx, m.from.dir, m.to.dir)
	if err != nil {
		return false, err
	}
	defer h.release()
	old, err := m.from.dir.lstat(m.from.base)
	if err != nil {
		return false, mapError(err)
	}
	now, err := m.to.dir.lstat(m.to.base)
	switch {
	case err == nil && sameFile(now, old):
		return true, nil
	case err == nil && (m.o.NoReplace || now.mode.IsDir()):
		return false, fmt.Errorf("osfs: %q: %w", m.to.base, fs.ErrExist)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, mapError(err)
	}
	return false, nil
}

func (m *move) file(ctx context.Context) error {
	src, now, err := m.from.dir.openFile(m.from.base, os.O_RDONLY)
	if err != nil {
		return as(paradise.ErrBusy, err, fs.ErrNotExist, errLink) // it was a file a moment ago
	}
	defer src.Close()
	m.old = now
	held, err := m.to.dir.retain()
	if err != nil {
		return err
	}
	u := &upload{d: m.d, ctx: ctx, target: target{dir: held, folder: path.Join(m.d.prefix, m.to.parent), base: m.to.base}}
	defer u.release()
	if u.temp, err = m.d.newTemp(held, u.folder); err != nil {
		return err
	}
	if err := u.copyFrom(ctx, src, now.size); err != nil {
		return err
	}
	keepAttributes(u.temp.f, src)
	if err := u.temp.become(now); err != nil {
		return mapError(err)
	}
	if err := paradise.Step(ctx); err != nil {
		return err
	}
	if err := u.finish(); err != nil {
		return err
	}
	return m.exchange(ctx, u, func() error { return u.temp.publish(u.base, m.o.NoReplace) })
}

// link makes the same link in the other place. Where it leads from there is for
// os.Root to judge, as ever.
func (m *move) link(ctx context.Context) error {
	text, err := m.from.dir.readlink(m.from.base)
	if err != nil {
		return mapError(err)
	}
	u := &upload{d: m.d, target: target{dir: m.to.dir, folder: path.Join(m.d.prefix, m.to.parent), base: m.to.base}}
	return m.exchange(ctx, u, func() error {
		if now, err := m.from.dir.readlink(m.from.base); err != nil || now != text { // nothing keeps its number from another one
			return fmt.Errorf("osfs: %q was changed while it was moved: %w", m.from.base, paradise.ErrBusy)
		}
		name, err := m.d.reg.take(u.folder)
		if err != nil {
			return mapError(err)
		}
		defer m.d.reg.done()
		if err := u.dir.symlink(text, name); err != nil {
			return mapError(err)
		}
		rename := u.dir.rename
		if m.o.NoReplace {
			rename = u.dir.renameNew
		}
		if err := rename(name, u.dir, u.base); err != nil {
			_ = u.dir.remove(name)
			return renameError(err)
		}
		return nil
	})
}

// exchange publishes the copy and removes what was copied, unless that has changed
// meanwhile. Nobody comes between.
func (m *move) exchange(ctx context.Context, u *upload, publish func() error) error {
	h, err := m.d.alone(ctx, m.from.dir, m.to.dir)
	if err != nil {
		return err
	}
	defer h.release()
	if now, err := m.from.dir.lstat(m.from.base); err != nil || !unchanged(now, m.old) {
		return fmt.Errorf("osfs: %q was changed while it was moved: %w", m.from.base, paradise.ErrBusy)
	}
	if err := m.asKnown(ctx); err != nil {
		return err
	}
	if err := m.d.found(m.from.dir, m.to.dir); err != nil {
		return err
	}
	if err := publish(); err != nil {
		return err
	}
	if err := u.syncFolder(); err != nil { // before the old name goes
		return err
	}
	if err := m.from.dir.remove(m.from.base); err != nil {
		return &paradise.ReplyError{Code: 550, Text: "Copied to the new name, but the old one can't be removed", Err: err}
	}
	if !m.d.opts.Durable {
		return nil
	}
	return mapError(m.d.sync.folder(m.from.dir))
}
