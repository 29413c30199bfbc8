package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/paradiseftp/paradise/internal/flock"
)

// log is the file. Whoever writes holds a lock among processes, has read what the
// others wrote, and so knows all that is open.
type log struct {
	path string
	o    Options
	lock *os.File // held while the file is looked at or written
	life *os.File // locked as long as this writer lives

	f       *os.File // nil: to be opened anew
	segment int64    // f's number
	head    int64    // length of what f began with
	end     int64    // how far f was read; its length, while the lock is held
	torn    bool     // its last line has no end
	open    map[string]Record

	failed atomic.Pointer[error] // why nothing can be written any more

	put  func(f *os.File, b []byte) (int, error) // seams for tests
	sync func(f *os.File) error
}

var errUnsafe = errors.New("what was written cannot be brought to the disk; start anew")

func openLog(path, id string, o Options) (*log, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	l := &log{path: path, o: o, put: (*os.File).Write, sync: (*os.File).Sync}
	if l.lock, err = openLock(path); err != nil {
		return nil, err
	}
	err = l.locked(func() error {
		if err := l.live(id); err != nil {
			return err
		}
		return l.attach()
	})
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func openLock(path string) (*os.File, error) {
	return os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
}

// locked keeps other processes away. Where the system has no locks there must be no
// others.
func locked(lock *os.File, f func() error) error {
	if err := flock.Lock(lock); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	defer flock.Unlock(lock)
	return f()
}

func (l *log) locked(f func() error) error { return locked(l.lock, f) }

// usable says why nothing can be written.
func (l *log) usable() error {
	if err := l.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (l *log) fail(err error) { l.failed.CompareAndSwap(nil, &err) }

func (l *log) close() error {
	if l.usable() == fs.ErrClosed {
		return nil
	}
	closed := error(fs.ErrClosed)
	l.failed.Store(&closed)
	err := l.locked(l.die)
	if l.f != nil {
		err = errors.Join(err, l.f.Close())
	}
	return errors.Join(err, l.lock.Close())
}

// write appends records, all or none.
func (l *log) write(records []Record) error {
	if err := l.usable(); err != nil {
		return err
	}
	var buf bytes.Buffer
	for _, r := range records {
		if err := encode(&buf, line{Record: r}); err != nil {
			return err
		}
	}
	err := l.locked(func() error { return l.appendLines(buf.Bytes()) })
	if err != nil {
		return err
	}
	for _, r := range records {
		l.apply(r)
	}
	if !l.o.Durable {
		return nil
	}
	// A failed fsync may have lost what a second one would call safe.
	if err := l.sync(l.f); err != nil {
		l.fail(fmt.Errorf("%w: %w", errUnsafe, err))
		return err
	}
	return nil
}

func (l *log) appendLines(b []byte) error {
	if err := l.current(); err != nil {
		return err
	}
	if l.end > l.head && l.end+int64(len(b)) > l.o.MaxSize {
		if err := l.rotate(); err != nil {
			l.o.Logger.Warn("journal cannot be rotated", "error", err)
		}
		if err := l.current(); err != nil {
			return err
		}
	}
	if l.torn {
		b = append([]byte("\n"), b...)
	}
	n, err := l.put(l.f, b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		if terr := l.shorten(); terr != nil {
			l.fail(errors.Join(err, terr))
		}
		return err
	}
	l.end += int64(n)
	l.torn = false
	return nil
}

// shorten takes back what a write that failed has left. Windows refuses it to what
// was opened to append, so there it is done by the name.
func (l *log) shorten() error {
	if err := l.f.Truncate(l.end); err == nil {
		return nil
	}
	return os.Truncate(l.path, l.end)
}

// current sees to it that f is the file of that name and that all of it was read.
func (l *log) current() error {
	if l.f == nil {
		return l.attach()
	}
	named, err := os.Stat(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	mine, err2 := l.f.Stat()
	if err2 != nil {
		return err2
	}
	switch {
	case err != nil || !os.SameFile(named, mine):
		return l.attach()
	case mine.Size() < l.end: // somebody emptied it
		return l.rotate()
	}
	return l.read()
}

// attach opens the file and reads it.
func (l *log) attach() error {
	l.drop()
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return l.restart()
	}
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err == nil && fi.Size() == 0 {
		f.Close()
		return l.restart()
	}
	if err == nil {
		l.segment, l.head, err = readHead(f)
	}
	if err != nil {
		f.Close()
		return err
	}
	return l.replay(f)
}

func (l *log) drop() {
	if l.f != nil {
		l.f.Close()
		l.f = nil
	}
}

// restart begins a file where there is none: at first, and after a crash in the
// middle of a rotation.
func (l *log) restart() error {
	all, err := segments(l.path)
	if err != nil {
		return err
	}
	l.segment, l.open = 0, nil
	if len(all) > 0 {
		l.segment = all[len(all)-1]
		f, err := os.Open(rotated(l.path, l.segment))
		if err != nil {
			return err
		}
		err = l.replay(f)
		l.drop()
		if err != nil {
			return err
		}
	}
	return l.start()
}

// replay reads a file from its beginning, which tells all that is open: each file
// begins with what the one before it left.
func (l *log) replay(f *os.File) error {
	l.f, l.end, l.torn = f, 0, false
	l.open = make(map[string]Record)
	return l.read()
}

// read takes in what others have written.
func (l *log) read() error {
	fi, err := l.f.Stat()
	if err != nil || fi.Size() == l.end {
		return err
	}
	r := bufio.NewReader(io.NewSectionReader(l.f, l.end, fi.Size()-l.end))
	for {
		b, err := r.ReadBytes('\n')
		l.end += int64(len(b))
		if err == io.EOF {
			l.torn = l.torn && len(b) == 0 || len(b) > 0
			return nil
		}
		if err != nil {
			return err
		}
		l.torn = false
		if got, ok := decode(b); ok {
			l.apply(got.Record)
		}
	}
}

func (l *log) apply(r Record) {
	switch r.Event {
	case Intent:
		l.open[r.ID] = r
	case begin:
	default:
		delete(l.open, r.ID)
	}
}

// intents are those that are open, oldest first.
func (l *log) intents() []Record {
	return slices.SortedFunc(maps.Values(l.open), func(a, b Record) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// dead returns the open intents of writers that do not live.
func (l *log) dead() ([]Record, error) {
	var dead []Record
	err := l.locked(func() error {
		if err := l.current(); err != nil {
			return err
		}
		living, err := l.living()
		if err != nil {
			return err
		}
		for _, r := range l.intents() {
			if !living[writer(r.ID)] {
				dead = append(dead, r)
			}
		}
		return nil
	})
	return dead, err
}
