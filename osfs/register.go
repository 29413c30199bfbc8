package osfs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/paradiseftp/paradise/internal/flock"
)

// register tells the processes that come after this one in which folders it
// may have left temporaries: a hidden file in the base folder, locked for as
// long as this process lives, which holds the folders' names, each ended by a
// NUL. The temporaries carry its id, so that they are told from the living
// ones of others. It is made when the first hidden name is needed.
type register struct {
	top     *dir // a user of it while f is open
	durable bool
	log     *slog.Logger

	mu      sync.Mutex
	f       *os.File // nil: not made, or it could not be
	id      string
	size    int64
	folders map[string]struct{}
	given   int    // names that are in use
	count   uint64 // names that were given
	closed  bool
}

func newRegister(top *dir, durable bool, log *slog.Logger) *register {
	return &register{top: top, durable: durable, log: log}
}

// take returns a fresh hidden name for a temporary in folder. done gives it
// back.
func (r *register) take(folder string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.id == "" {
		if err := r.make(); err != nil {
			return "", err
		}
	}
	if err := r.note(folder); err != nil {
		return "", err
	}
	r.given++
	r.count++
	return hiddenPrefix + r.id + "-" + strconv.FormatUint(r.count, 36) + partSuffix, nil
}

// done says that a name is not in use any more.
func (r *register) done() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.given--
	r.settle()
}

func (r *register) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.settle()
}

// settle forgets the folders when no name is in use and they are many, and
// removes the register when it was closed.
func (r *register) settle() {
	const manyBytes = 64 << 10
	if r.given > 0 || r.f == nil {
		return
	}
	if r.closed {
		_ = r.top.remove(lockName(r.id))
		r.f.Close()
		r.f = nil
		r.top.close()
		return
	}
	if r.size > manyBytes && r.f.Truncate(0) == nil {
		r.size = 0
		clear(r.folders)
	}
}

// make makes the file. Where the base folder may not be written there is none:
// then what a crash leaves must be removed by hand.
func (r *register) make() error {
	err := errTaken
	for errors.Is(err, errTaken) {
		r.id = strings.ToLower(rand.Text()[:16])
		if r.closed {
			return nil
		}
		r.f, err = createLocked(r.top, lockName(r.id))
	}
	if err == nil {
		_, err = r.top.retain()
	}
	switch err = mapError(err); {
	case err == nil:
		r.folders = map[string]struct{}{}
		return nil
	case errors.Is(err, fs.ErrPermission), errors.Is(err, errors.ErrUnsupported):
		r.log.Warn("osfs: no register of temporaries; a crash may leave some", "err", err)
		return nil
	default:
		r.id = ""
		return fmt.Errorf("osfs: register of temporaries: %w", err)
	}
}

// note writes down a folder unless it is known.
func (r *register) note(folder string) error {
	if _, known := r.folders[folder]; known || r.f == nil {
		return nil
	}
	n, err := r.f.WriteAt([]byte(folder+"\x00"), r.size)
	if err != nil {
		return fmt.Errorf("osfs: register of temporaries: %w", err)
	}
	if r.durable {
		err = errors.Join(r.f.Sync(), r.top.fsync())
	}
	if err != nil {
		return fmt.Errorf("osfs: register of temporaries: %w", err)
	}
	r.size += int64(n)
	r.folders[folder] = struct{}{}
	return nil
}

// errTaken says that a sweep was faster than the lock of a new register.
var errTaken = errors.New("osfs: register swept")

// createLocked makes a file and locks it. A sweep may see it in between, take
// it for a dead one and remove it.
func createLocked(in *dir, name string) (*os.File, error) {
	f, err := in.create(name, 0o600)
	if err != nil {
		return nil, err
	}
	locked, err := flock.TryLock(f)
	if err != nil {
		_ = in.remove(name)
		return nil, closing(err, f)
	}
	fi, err := f.Stat()
	if err != nil {
		return nil, closing(err, f)
	}
	now, err := in.lstat(name)
	if !locked || err != nil || !sameFile(now, infoOf(fi)) {
		return nil, closing(errTaken, f)
	}
	return f, nil
}

func lockName(id string) string { return hiddenPrefix + id + lockSuffix }

// idOf returns the register's id in the name of a register or a temporary.
func idOf(name, suffix string) (string, bool) {
	name, ok := strings.CutPrefix(name, hiddenPrefix)
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, suffix)
	id, _, counted := strings.Cut(name, "-")
	return id, ok && id != "" && counted == (suffix == partSuffix)
}

// sweepFolder removes what dead processes left in a folder that holds nothing
// else, and reports whether there was such.
func (r *register) sweepFolder(ctx context.Context, f *dir) bool {
	top, err := r.top.retain()
	if err != nil {
		return false
	}
	defer top.close()
	ids := map[string]struct{}{}
	err = eachName(ctx, f, func(name string) error {
		id, ok := idOf(name, partSuffix)
		if !ok {
			return fs.ErrExist // the folder is in use: no need to look further
		}
		ids[id] = struct{}{}
		return nil
	})
	removed := 0
	for id := range ids {
		if err != nil {
			return false
		}
		lock, ok := lockDead(top, lockName(id))
		if !ok {
			continue
		}
		n, _ := removeParts(ctx, f, id)
		removed += n
		lock.Close()
	}
	return removed > 0
}
