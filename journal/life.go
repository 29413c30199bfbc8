package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/paradiseftp/paradise/internal/flock"
)

// A writer has a locked file for as long as it lives. The lock, not the file and not
// a process number, proves it.

const lifeSuffix = ".writer-"

// live announces this writer. The caller holds the lock, so nobody sees the file
// before it is locked.
func (l *log) live(id string) error {
	f, err := os.OpenFile(l.path+lifeSuffix+id, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	l.life = f
	if err := flock.Lock(f); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// die takes the announcement back.
func (l *log) die() error {
	if l.life == nil {
		return nil
	}
	return errors.Join(l.life.Close(), os.Remove(l.life.Name()))
}

// living returns the ids of the writers that live, and removes the files of others.
func (l *log) living() (map[string]bool, error) {
	entries, err := os.ReadDir(filepath.Dir(l.path))
	if err != nil {
		return nil, err
	}
	living := make(map[string]bool)
	for _, e := range entries {
		id, ok := strings.CutPrefix(e.Name(), filepath.Base(l.path)+lifeSuffix)
		if !ok {
			continue
		}
		name := l.path + lifeSuffix + id
		if name == l.life.Name() || !isDead(name) {
			living[id] = true
			continue
		}
		if err := os.Remove(name); err != nil {
			return nil, err
		}
	}
	return living, nil
}

// isDead takes a writer that nothing can be said of for living, unless the system
// has no locks: then there is one writer at a time.
func isDead(name string) bool {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	free, err := flock.TryLock(f)
	return free || errors.Is(err, errors.ErrUnsupported)
}
