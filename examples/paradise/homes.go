package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/osfs"
)

// homes opens the folders of accounts, each of them once.
type homes struct {
	root    string
	options osfs.Options
	own     bool     // -own-homes: each user without a home in the settings has a folder below root
	uploads *uploads // nil: there is no journal; set before use
	mu      sync.Mutex
	drivers map[string]*osfs.Driver
	each    *osfs.Homes // for own; nil until it is used
}

func newHomes(cfg *config) *homes {
	return &homes{
		root:    cfg.root,
		own:     cfg.ownHomes,
		options: osfs.Options{Durable: cfg.durable},
		drivers: make(map[string]*osfs.Driver),
	}
}

// driver returns the driver of a home for users: the journal notes their uploads.
func (h *homes) driver(name string) (paradise.FileDriver, error) {
	d, err := h.open(name)
	if err != nil {
		return nil, err
	}
	return h.uploads.wrap(d), nil
}

// shared returns the driver for users without a home in the settings. The journal notes
// their uploads.
func (h *homes) shared() (paradise.FileDriver, error) {
	d, err := h.common()
	if err != nil {
		return nil, err
	}
	return h.uploads.wrap(d), nil
}

// common returns the driver of the root, or with -own-homes the one that gives each user a
// folder below it.
func (h *homes) common() (paradise.FileDriver, error) {
	if !h.own {
		return h.open("")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.each != nil {
		return h.each, nil
	}
	if err := os.MkdirAll(h.root, homeMode); err != nil {
		return nil, err
	}
	each, err := osfs.OpenHomes(h.root, osfs.HomesOptions{Options: h.options, HomeMode: homeMode})
	if err == nil {
		h.each = each
	}
	return each, err
}

// homeMode is the mode of new folders, from which the umask is removed.
const homeMode = 0o755

// fits refuses an account that needs a folder of its name if no folder can have that name.
func (h *homes) fits(name string, a *account) error {
	if !h.own || a.Home != "" {
		return nil
	}
	if strings.ContainsAny(name, `/\`+"\x00") || strings.HasPrefix(name, ".") || !filepath.IsLocal(name) {
		return fmt.Errorf("-own-homes: no folder can be named as the account %q: give it a line home = \"...\" below [accounts.%q]", name, name)
	}
	return nil
}

// dir returns the path of a home, whose name is absolute or relative to the root.
func (h *homes) dir(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(h.root, name)
}

// open returns the driver of a folder below the root, or of an absolute one.
func (h *homes) open(name string) (*osfs.Driver, error) {
	if name != "" && !filepath.IsAbs(name) && !filepath.IsLocal(name) {
		return nil, fmt.Errorf("home %q leads out of -root: write an absolute path if that is meant", name)
	}
	dir := h.dir(name)
	lost := h.look("")
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.drivers[dir]; d != nil {
		return d, nil
	}
	if lost != nil && !filepath.IsAbs(name) {
		return nil, lost // do not create it again: a disk may not be mounted
	}
	if err := os.MkdirAll(dir, homeMode); err != nil {
		return nil, err
	}
	d, err := osfs.Open(dir, h.options)
	if err == nil {
		h.drivers[dir] = d
	}
	return d, err
}

// mend creates a home below the root again, which may be missing because a disk was
// mounted over the root. It creates nothing outside the root, or if the root itself is
// missing, because then a disk may not be mounted.
func (h *homes) mend(name string) {
	dir := h.dir(name)
	if filepath.IsAbs(name) {
		return
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if h.look("") != nil {
		return
	}
	if err := os.MkdirAll(dir, homeMode); err != nil {
		h.options.Logger.Error("a home cannot be made again", "path", dir, "error", err)
	}
}

// ready returns an error that names the folders that cannot be served, of the root and the
// homes with these names. It creates missing homes first.
func (h *homes) ready(names []string) error {
	faults := []error{h.look("")}
	for _, name := range names {
		h.mend(name)
		faults = append(faults, h.look(name))
	}
	return errors.Join(faults...)
}

// look asks the open driver of a home whether it can serve. It does so without the lock,
// because a disk may hang.
func (h *homes) look(name string) error {
	h.mu.Lock()
	d, each := h.drivers[h.dir(name)], h.each
	h.mu.Unlock()
	switch {
	case d != nil:
		return d.Ready()
	case each != nil && name == "":
		return each.Ready()
	}
	return nil
}

func (h *homes) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.drivers {
		d.Close()
	}
	if h.each != nil {
		h.each.Close()
	}
}
