package osfs

import (
	"cmp"
	"container/list"
	"errors"
	"fmt"
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
//
// The base folder is looked at as [Driver] does, and each home likewise: one that
// was replaced is opened again, one that was removed is made again.
type Homes struct {
	served

	base *Driver
	o    HomesOptions

	mu    sync.Mutex
	homes map[string]*list.Element // nil: closed
	order list.List                // of *home, the one used last in front
}

// home is a folder below base that is kept open.
type home struct {
	*folder
	name string
	base *folder
}

// homePlace is where a home lies. Links are followed as the base's root does.
type homePlace struct {
	base *folder
	name string
}

// look is about both: a home below a base that nobody finds is not found either.
func (p homePlace) look() (info, error) {
	if err := p.base.here(); err != nil {
		return info{}, err
	}
	return p.base.top.stat(p.name) // which the home holds open
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
	h := &Homes{base: d, o: o, homes: map[string]*list.Element{}}
	h.pick = h.of
	return h, nil
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

// Swept is closed when the sweep of the base folder that is served now has ended.
func (h *Homes) Swept() <-chan struct{} { return h.base.Swept() }

// Ready is [Driver.Ready] of the base folder.
func (h *Homes) Ready() error { return h.base.Ready() }

// of returns the home of a session, which is made if need be; its user closes
// top. Only the map is looked at under the lock: a home on a disk that hangs
// keeps nobody else waiting.
func (h *Homes) of(s *paradise.Session) (*folder, error) {
	name := h.o.Home(s)
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") || hidden(name) || badComponent(name) {
		return nil, fmt.Errorf("osfs: %q is not the name of a home: %w", name, fs.ErrPermission)
	}
	base, err := h.base.now()
	if err != nil {
		return nil, err
	}
	defer base.top.close()
	if f := h.known(name, base); f != nil {
		now, err := base.top.stat(name)
		if err == nil && sameFile(now, f.id) && !f.stale.Load() {
			return f, nil
		}
		f.top.close()
	}
	f, err := h.open(base, name)
	if err != nil {
		return nil, err
	}
	return f, h.keep(&home{f, name, base})
}

// known returns a home that is open below base, for one more user.
func (h *Homes) known(name string, base *folder) *folder {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.homes[name]
	if e == nil || e.Value.(*home).base != base {
		return nil
	}
	h.order.MoveToFront(e)
	f := e.Value.(*home).folder
	if _, err := f.top.retain(); err != nil {
		return nil
	}
	return f
}

// keep adds a home, in place of another of its name, and a user of it.
func (h *Homes) keep(new *home) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.homes == nil {
		new.top.close()
		return fs.ErrClosed
	}
	if _, err := new.top.retain(); err != nil {
		return err
	}
	if e := h.homes[new.name]; e != nil {
		h.order.Remove(e)
		e.Value.(*home).top.close()
	}
	h.homes[new.name] = h.order.PushFront(new)
	h.trim(h.o.MaxOpen)
	return nil
}

// open opens a home and makes it if need be.
func (h *Homes) open(base *folder, name string) (*folder, error) {
	root, err := base.root.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := base.top.mkdir(name, h.o.HomeMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, mapError(err)
		}
		root, err = base.root.OpenRoot(name)
	}
	if err != nil {
		return nil, mapError(err)
	}
	f, err := newFolder(root, homePlace{base, name})
	if err != nil {
		return nil, mapError(err)
	}
	f.prefix, f.shared = name, base.shared
	return f, f.top.hold(base.top)
}

// trim closes the homes that were not used for longest. What still works in
// them holds them open.
func (h *Homes) trim(keep int) {
	for h.order.Len() > keep {
		old := h.order.Remove(h.order.Back()).(*home)
		delete(h.homes, old.name)
		old.top.close()
	}
}
