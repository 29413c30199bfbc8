//go:build !linux

package osfs

import (
	"errors"
	"io/fs"
	"os"

	"github.com/paradiseftp/paradise/internal/flock"
)

// lock is the folder, open for this lock alone.
type lock struct{ f *os.File }

// lock takes the folder's lock, or returns errHeld, or errors.ErrUnsupported where
// folders cannot be locked (Windows) or this one may not be read. It has one kind, so
// single steps wait for one another.
func (d *dir) lock(_, _ bool) (lock, error) {
	f, err := d.root.Open(d.rel)
	if errors.Is(err, fs.ErrPermission) {
		return lock{}, errors.ErrUnsupported
	}
	if err != nil {
		return lock{}, err
	}
	free, err := flock.TryLock(f)
	switch {
	case err != nil:
		return lock{}, closing(errors.ErrUnsupported, f)
	case !free:
		return lock{}, closing(errHeld, f)
	}
	return lock{f}, nil
}

// wait needs no sign here, where all locks are of one kind and have the same chance.
func (d *dir) wait() (lock, error) { return lock{}, errors.ErrUnsupported }

func (l lock) unlock() { l.f.Close() }
