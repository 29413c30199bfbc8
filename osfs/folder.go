package osfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/namelock"
)

// folder is an open folder that is the "/" of its users.
type folder struct {
	root   *os.Root
	top    *dir // the folder itself; it owns root
	id     info
	place  place
	prefix string      // where it lies below the folder that has the register
	stale  atomic.Bool // a server of network files has forgotten it
	*shared
}

// shared is what the folders below one base folder have in common.
type shared struct {
	opts    Options
	sync    syncer
	reg     *register
	commits namelock.Names // one join per name at a time
	folders namelock.Names // folders that cannot be locked otherwise
	busy    nameSet        // names that admit one writer only
	sweep   *sweeper
	named   atomic.Bool // no use in trying for unnamed temporaries
}

// place is where a folder was found.
type place interface {
	// look describes what is there now.
	look() (info, error)
}

// namedPlace is the path of a base folder.
type namedPlace string

func (p namedPlace) look() (info, error) { return statPath(string(p)) }

// unseen is the place of a folder on a file system that gives the same folder other
// numbers each time it is asked: what is held is all that is known.
type unseen info

func (p unseen) look() (info, error) { return info(p), nil }

// openFolder opens a base folder and begins its sweep.
func openFolder(path string, o Options) (*folder, error) {
	f, err := openSeen(path, namedPlace(path))
	if err != nil {
		return nil, err
	}
	if errors.Is(f.here(), errElsewhere) {
		o.Logger.Warn("osfs: this file system does not tell its folders apart; one that is replaced goes unnoticed", "path", path)
		f.place = unseen(f.id)
	}
	f.shared = &shared{opts: o, sync: newSyncer()}
	f.named.Store(!f.top.canLink())
	f.reg = newRegister(f.top, o.Durable, o.Logger)
	f.sweep = startSweep(f.top, o.Logger)
	return f, nil
}

// openSeen opens a folder until it is what is seen at its path: nobody exchanges it
// time after time.
func openSeen(path string, at place) (f *folder, err error) {
	for range 3 {
		if f != nil {
			f.top.close()
		}
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, err
		}
		if f, err = newFolder(root, at); err != nil || !errors.Is(f.here(), errElsewhere) {
			return f, err
		}
	}
	return f, nil
}

// newFolder takes root over. What is shared is left to the caller.
func newFolder(root *os.Root, at place) (*folder, error) {
	top, err := openTop(root)
	if err != nil {
		return nil, err
	}
	id, err := top.self()
	if err != nil {
		top.close()
		return nil, err
	}
	return &folder{root: root, top: top, id: id, place: at}, nil
}

// retire ends the sweep and frees the folder once nothing works in it.
func (d *folder) retire() {
	d.sweep.stop()
	d.reg.close()
	d.top.close()
}

// errElsewhere says that another folder is in a folder's place.
var errElsewhere = errors.New("osfs: another folder has taken the place")

// here is nil while the folder is what its place names.
func (d *folder) here() error {
	if d.stale.Load() {
		return errElsewhere
	}
	now, err := d.place.look()
	if err == nil && !sameFile(now, d.id) {
		err = errElsewhere
	}
	return err
}

// lost is why the folder is not served from its place any more, nil if it is. A
// place that may not be looked at, as in a process that has given up its rights,
// proves nothing.
func (d *folder) lost() error {
	if err := d.here(); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// heed takes note of an error that says the folder must be opened again.
func (d *folder) heed(err error) {
	if errors.Is(err, syscall.ESTALE) {
		d.stale.Store(true)
	}
}

func features() paradise.Features {
	f := paradise.FeatureRange | paradise.FeatureResume | paradise.FeatureLinks | paradise.FeatureAppend | paradise.FeatureSetTime | platformFeatures
	if os.Geteuid() == 0 {
		f |= paradise.FeatureSetOwner
	}
	return f
}

func (d *folder) Space(_ context.Context, _ *paradise.Session, name string) (int64, error) {
	rel, err := clean(name)
	if err != nil {
		return 0, err
	}
	f, err := d.top.open(rel)
	if err != nil {
		return 0, mapError(err)
	}
	defer f.close()
	n, err := f.space()
	return n, mapError(err)
}

// parent opens the folder that holds name and returns name's last element.
func (d *folder) parent(name string) (*dir, string, error) {
	rel, err := clean(name)
	if err != nil {
		return nil, "", err
	}
	parent, base := split(rel)
	if base == "." {
		return nil, "", errRoot
	}
	f, err := d.top.open(parent)
	return f, base, mapError(err)
}
