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

// homes opens the folders that accounts live in, each once.
type homes struct {
	root    string
	options osfs.Options
	own     bool     // users of whom nothing else is said have one each
	uploads *uploads // nil: nothing is noted; set before use
	mu      sync.Mutex
	drivers map[string]*osfs.Driver
	each    *osfs.Homes // nil until it is used
}

func newHomes(cfg *config) *homes {
	return &homes{root: cfg.root, own: cfg.ownHomes, options: osfs.Options{Durable: cfg.durable}, drivers: make(map[string]*osfs.Driver)}
}

// driver is open for users, whose uploads are noted.
func (h *homes) driver(name string) (paradise.FileDriver, error) {
	d, err := h.open(name)
	if err != nil {
		return nil, err
	}
	return h.uploads.wrap(d), nil
}

// shared is open for users who have no home of their own in the settings, and
// whose uploads are noted.
func (h *homes) shared() (paradise.FileDriver, error) {
	d, err := h.common()
	if err != nil {
		return nil, err
	}
	return h.uploads.wrap(d), nil
}

// common is the root, or a folder below it for each user.
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

// homeMode is for folders that are made; the umask is taken off.
const homeMode = 0o755

// fits refuses an account that is to have a folder of its name, and whose name
// is none.
func (h *homes) fits(name string, a *account) error {
	if !h.own || a.Home != "" {
		return nil
	}
	if strings.ContainsAny(name, `/\`+"\x00") || strings.HasPrefix(name, ".") || !filepath.IsLocal(name) {
		return fmt.Errorf("-own-homes: no folder can be named as the account %q: give it a line home = \"...\" below [accounts.%q]", name, name)
	}
	return nil
}

// dir is the folder that a home's name stands for: below the root, or absolute.
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
		return nil, lost // to make it again is not for us: a disk may be missing
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

// mend makes a home below the root again, as on a disk that was mounted over the
// root since. Elsewhere, and where the root is missing, a disk may be missing.
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

// ready names what cannot be served of the root and the homes with these names,
// those of accounts that are.
func (h *homes) ready(names []string) error {
	faults := []error{h.look("")}
	for _, name := range names {
		h.mend(name)
		faults = append(faults, h.look(name))
	}
	return errors.Join(faults...)
}

// look asks what is open of that name. A disk may hang, so nobody waits meanwhile.
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
