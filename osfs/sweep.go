package osfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/paradiseftp/paradise/internal/flock"
)

// sweeper removes in the background what dead processes left.
type sweeper struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func startSweep(top *dir, log *slog.Logger) *sweeper {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sweeper{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		if err := sweep(ctx, top, log); err != nil && ctx.Err() == nil {
			log.Warn("osfs: sweep of leftovers", "err", err)
		}
	}()
	return s
}

// stop ends the sweep and waits for that, so that top outlives it; what it
// missed waits for the next.
func (s *sweeper) stop() {
	s.cancel()
	<-s.done
}

// sweep looks for registers whose process is dead.
func sweep(ctx context.Context, top *dir, log *slog.Logger) error {
	var names []string
	err := eachName(ctx, top, func(name string) error {
		if _, ok := idOf(name, lockSuffix); ok {
			names = append(names, name)
		}
		return nil
	})
	for _, name := range names {
		err = errors.Join(err, sweepRegister(ctx, top, name, log))
	}
	return err
}

// sweepRegister removes the temporaries of one dead process, and its register
// when all are gone.
func sweepRegister(ctx context.Context, top *dir, name string, log *slog.Logger) error {
	lock, ok := lockDead(top, name)
	if !ok {
		return nil
	}
	defer lock.Close()
	text, err := io.ReadAll(lock)
	if err != nil {
		return err
	}
	id, _ := idOf(name, lockSuffix)
	folders := strings.Split(string(text), "\x00")
	total := 0
	for _, folder := range folders[:len(folders)-1] { // a torn last one had no temporary yet
		n, e := sweepIn(ctx, top, folder, id)
		total += n
		err = errors.Join(err, e)
	}
	if total > 0 {
		log.Info("osfs: removed leftovers of a dead process", "files", total)
	}
	if err != nil {
		return err
	}
	return top.remove(name)
}

func sweepIn(ctx context.Context, top *dir, folder, id string) (int, error) {
	f, err := top.open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("%q: %w", folder, err)
	}
	defer f.close()
	return removeParts(ctx, f, id)
}

// removeParts removes the temporaries of a dead register from a folder.
func removeParts(ctx context.Context, f *dir, id string) (removed int, err error) {
	var names []string
	err = eachName(ctx, f, func(name string) error {
		if owner, ok := idOf(name, partSuffix); ok && owner == id {
			names = append(names, name)
		}
		return nil
	})
	for _, name := range names {
		if e := f.remove(name); e != nil {
			err = errors.Join(err, e)
			continue
		}
		removed++
	}
	return removed, err
}

// lockDead opens and locks a register if its process is dead: the lock alone
// is the proof. Where the system has no locks nothing is ever swept.
func lockDead(top *dir, name string) (*os.File, bool) {
	f, _, err := top.openFile(name, os.O_RDWR)
	if err != nil {
		return nil, false
	}
	if locked, err := flock.TryLock(f); err != nil || !locked {
		f.Close()
		return nil, false
	}
	return f, true
}

// eachName calls f for the names in a folder until it returns an error.
func eachName(ctx context.Context, in *dir, f func(string) error) error {
	r, err := in.reader()
	if err != nil {
		return err
	}
	defer r.close()
	for name, err := range r.names(ctx) {
		if err != nil {
			return err
		}
		if err := f(name); err != nil {
			return err
		}
	}
	return nil
}
