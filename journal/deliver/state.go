package deliver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/paradiseftp/paradise/internal/flock"
	"github.com/paradiseftp/paradise/journal"
)

// lockEvery is how often a process looks whether its turn has come.
const lockEvery = time.Second

// state is the file with the position, and the lock that makes it ours.
type state struct {
	path string
	lock *os.File
}

func openState(ctx context.Context, path string) (*state, error) {
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		free, err := flock.TryLock(lock)
		if free || errors.Is(err, errors.ErrUnsupported) {
			return &state{path: path, lock: lock}, nil
		}
		if err != nil {
			lock.Close()
			return nil, err
		}
		select {
		case <-ctx.Done():
			lock.Close()
			return nil, context.Cause(ctx)
		case <-time.After(lockEvery):
		}
	}
}

func (s *state) close() error { return s.lock.Close() }

// load returns the beginning where there is no position.
func (s *state) load() (journal.Position, error) {
	var at journal.Position
	b, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return at, nil
	}
	if err != nil {
		return at, err
	}
	return at, at.UnmarshalText([]byte(strings.TrimSpace(string(b))))
}

// save replaces the file as a whole. It is not brought to the disk: what the
// machine's death takes back is delivered again.
func (s *state) save(at journal.Position) error {
	fresh := s.path + ".new"
	if err := os.WriteFile(fresh, []byte(at.String()+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, s.path)
}

// refusals returns how often a record was refused, by this process or an earlier one.
func (s *state) refusals(id string) int {
	b, err := os.ReadFile(s.path + ".refusals")
	if err != nil {
		return 0
	}
	var n int
	var of string
	if _, err := fmt.Sscanf(string(b), "%d %q", &n, &of); err != nil || of != id {
		return 0
	}
	return n
}

// refused notes how often a record was refused. If that fails a restart counts anew.
func (s *state) refused(id string, n int) {
	os.WriteFile(s.path+".refusals", fmt.Appendf(nil, "%d %q\n", n, id), 0o600)
}
