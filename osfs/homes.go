package osfs

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/paradiseftp/paradise"
)

// HomesOptions say how [Homes] works. The zero value is a good default.
type HomesOptions struct {
	// Options are those of each home.
	Options

	// Home names the folder of a session below the base; it must be one clean
	// element, else the session has no home and is refused. Nil: the user's
	// name. On a file system that folds letter case, users whose names differ
	// in nothing else share a home.
	Home func(s *paradise.Session) string

	// HomeMode is for home folders, which are made when they are first used;
	// the process's umask is taken off. Zero: 0700.
	HomeMode fs.FileMode

	// MaxOpen bounds the homes that are kept open at rest, at two descriptors
	// each. Zero: 256.
	MaxOpen int
}

// Homes is a [paradise.FileDriver] that gives each user a folder of its own
// below a base folder, as jail and as "/". OpenHomes makes one. It is safe for
// concurrent use.
type Homes struct {
	paradise.UnimplementedFileDriver

	base *Driver
	o    HomesOptions

	mu    sync.Mutex
	homes map[string]*list.Element
	order list.List // of *home, the one used last in front
}

type home struct {
	name string
	d    *Driver
}

var _ paradise.FileDriver = (*Homes)(nil)

// OpenHomes opens the base folder, which must exist, and sweeps the leftovers
// of dead processes in the background.
func OpenHomes(base string, o HomesOptions) (*Homes, error) {
	o.HomeMode = cmp.Or(o.HomeMode.Perm(), 0o700)
	o.MaxOpen = cmp.Or(max(o.MaxOpen, 0), 256)
	if o.Home == nil {
		o.Home = func(s *paradise.Session) string { return s.User.Name }
	}
	d, err := Open(base, o.Options)
	if err != nil {
		return nil, err
	}
	return &Homes{base: d, o: o, homes: map[string]*list.Element{}}, nil
}

// Close stops the sweep and frees the folders. Uploads and listings under way
// may end afterwards; close it when the server has stopped. A second Close does
// nothing.
func (h *Homes) Close() error {
	h.mu.Lock()
	h.trim(0)
	h.homes = nil
	h.mu.Unlock()
	return h.base.Close()
}

// Swept is closed when the sweep that OpenHomes started has ended.
func (h *Homes) Swept() <-chan struct{} { return h.base.Swept() }

// driver returns the driver of a session's home, which done gives back.
func (h *Homes) driver(s *paradise.Session) (d *Driver, done func(), err error) {
	name := h.o.Home(s)
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") || hidden(name) || badComponent(name) {
		return nil, nil, fmt.Errorf("osfs: %q is not the name of a home: %w", name, fs.ErrPermission)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.homes == nil {
		return nil, nil, fs.ErrClosed
	}
	e := h.homes[name]
	if e == nil {
		d, err := h.open(name)
		if err != nil {
			return nil, nil, err
		}
		e = h.order.PushFront(&home{name: name, d: d})
		h.homes[name] = e
		h.trim(h.o.MaxOpen)
	}
	h.order.MoveToFront(e)
	d = e.Value.(*home).d
	if _, err := d.top.retain(); err != nil {
		return nil, nil, err
	}
	return d, d.top.close, nil
}

// open opens a home and makes it if need be.
func (h *Homes) open(name string) (*Driver, error) {
	root, err := h.base.root.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := h.base.top.mkdir(name, h.o.HomeMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, mapError(err)
		}
		root, err = h.base.root.OpenRoot(name)
	}
	if err != nil {
		return nil, mapError(err)
	}
	top, err := openTop(root)
	if err != nil {
		return nil, mapError(err)
	}
	return &Driver{root: root, top: top, prefix: name, shared: h.base.shared}, nil
}

// trim closes the homes that were not used for longest. What still works in
// them holds them open.
func (h *Homes) trim(keep int) {
	for h.order.Len() > keep {
		old := h.order.Remove(h.order.Back()).(*home)
		delete(h.homes, old.name)
		old.d.top.close()
	}
}

// Features implements [paradise.FileDriver].
func (h *Homes) Features(*paradise.Session) paradise.Features { return features() }

// Stat implements [paradise.FileDriver].
func (h *Homes) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	d, done, err := h.driver(s)
	if err != nil {
		return paradise.Entry{}, err
	}
	defer done()
	return d.Stat(ctx, s, name)
}

// List implements [paradise.FileDriver].
func (h *Homes) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	d, done, err := h.driver(s)
	if err != nil {
		return nil, err
	}
	defer done()
	return d.List(ctx, s, dir)
}

// Open implements [paradise.FileDriver].
func (h *Homes) Open(ctx context.Context, s *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	d, done, err := h.driver(s)
	if err != nil {
		return nil, err
	}
	defer done()
	return d.Open(ctx, s, name, offset)
}

// Store implements [paradise.FileDriver].
func (h *Homes) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	d, done, err := h.driver(s)
	if err != nil {
		return nil, err
	}
	defer done()
	return d.Store(ctx, s, name, o)
}

// Mkdir implements [paradise.FileDriver].
func (h *Homes) Mkdir(ctx context.Context, s *paradise.Session, name string) error {
	return h.do(s, func(d *Driver) error { return d.Mkdir(ctx, s, name) })
}

// Remove implements [paradise.FileDriver].
func (h *Homes) Remove(ctx context.Context, s *paradise.Session, name string) error {
	return h.do(s, func(d *Driver) error { return d.Remove(ctx, s, name) })
}

// RemoveDir implements [paradise.FileDriver].
func (h *Homes) RemoveDir(ctx context.Context, s *paradise.Session, name string) error {
	return h.do(s, func(d *Driver) error { return d.RemoveDir(ctx, s, name) })
}

// Rename implements [paradise.FileDriver].
func (h *Homes) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	return h.do(s, func(d *Driver) error { return d.Rename(ctx, s, from, to, o) })
}

// Copy implements [paradise.FileDriver].
func (h *Homes) Copy(ctx context.Context, s *paradise.Session, from, to string, o paradise.CopyOptions) error {
	return h.do(s, func(d *Driver) error { return d.Copy(ctx, s, from, to, o) })
}

// SetAttr implements [paradise.FileDriver].
func (h *Homes) SetAttr(ctx context.Context, s *paradise.Session, name string, a paradise.Attr) error {
	return h.do(s, func(d *Driver) error { return d.SetAttr(ctx, s, name, a) })
}

// Space implements [paradise.FileDriver].
func (h *Homes) Space(ctx context.Context, s *paradise.Session, dir string) (int64, error) {
	d, done, err := h.driver(s)
	if err != nil {
		return 0, err
	}
	defer done()
	return d.Space(ctx, s, dir)
}

func (h *Homes) do(s *paradise.Session, f func(*Driver) error) error {
	d, done, err := h.driver(s)
	if err != nil {
		return err
	}
	defer done()
	return f(d)
}
