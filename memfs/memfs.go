// Package memfs stores files in memory. It is for tests, demonstrations, and drop boxes
// that the host program empties.
package memfs

import (
	"context"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/paradiseftp/paradise"
)

// maxElement is the longest element of a name, in bytes, as on most disks.
const maxElement = 255

// FS is a [paradise.FileDriver] that keeps everything in memory. It supports all
// features except symbolic links and is safe for concurrent use.
//
// The content of a file is never changed in place. An upload is invisible until
// Commit, which replaces the whole content, so a reader keeps the content that it
// opened. All users see the same files.
//
// The zero value is an empty storage, ready for use.
type FS struct {
	// Capacity bounds the bytes of all files and running uploads together. Beyond
	// it, writes fail with [paradise.ErrNoSpace]. Zero: no bound. Set it before use.
	Capacity int64

	begun    sync.Once    // runs begin
	mu       sync.RWMutex // use lock and rlock, which create the root first
	root     *node
	used     int64 // bytes used by files and running uploads
	lastID   uint64
	versions uint64 // the last version given to a content
}

var _ paradise.FileDriver = (*FS)(nil)

// New returns an empty storage without a bound.
func New() *FS {
	m := &FS{}
	m.begun.Do(m.begin)
	return m
}

// begin creates the root, which a zero FS does not have yet.
func (m *FS) begin() { m.root = m.newFolder() }

func (m *FS) lock() {
	m.begun.Do(m.begin)
	m.mu.Lock()
}

func (m *FS) rlock() {
	m.begun.Do(m.begin)
	m.mu.RLock()
}

// Put creates or replaces a file with a copy of data, and creates the folders that lead
// to it. If name ends with a slash, Put creates a folder. It is for the host program
// and for tests: it ignores Capacity and panics if the name is impossible.
func (m *FS) Put(name string, data []byte) {
	m.lock()
	defer m.mu.Unlock()
	dir := m.root
	elems := elements(path.Clean("/" + name))
	if !strings.HasSuffix(name, "/") {
		elems = elems[:max(0, len(elems)-1)]
	}
	for _, elem := range elems {
		next := dir.children[elem]
		if next == nil {
			next = m.newFolder()
			dir.attach(elem, next)
		}
		if !next.isDir() {
			panic("memfs: Put: a file is in the way of " + name)
		}
		dir = next
	}
	if strings.HasSuffix(name, "/") {
		return
	}
	base := path.Base(path.Clean("/" + name))
	if old := dir.children[base]; base == "/" || old != nil && old.isDir() {
		panic("memfs: Put: a folder is in the way of " + name)
	}
	m.publish(dir, base, slices.Clone(data), 0)
}

// Get returns a copy of a file's content.
func (m *FS) Get(name string) ([]byte, error) {
	m.rlock()
	defer m.mu.RUnlock()
	n, err := m.lookupFile(path.Clean("/" + name))
	if err != nil {
		return nil, failed("get", name, err)
	}
	return slices.Clone(n.data), nil
}

// Features implements [paradise.FileDriver]. It returns all features but
// [paradise.FeatureLinks].
func (m *FS) Features(*paradise.Session) paradise.Features {
	return paradise.FeatureRange | paradise.FeatureResume | paradise.FeatureAppend | paradise.FeatureSetTime |
		paradise.FeatureSetCreated | paradise.FeatureSetMode | paradise.FeatureSetOwner |
		paradise.FeatureSpace
}

// Stat implements [paradise.FileDriver].
func (m *FS) Stat(_ context.Context, _ *paradise.Session, name string) (paradise.Entry, error) {
	m.rlock()
	defer m.mu.RUnlock()
	n, err := m.lookup(name)
	if err != nil {
		return paradise.Entry{}, failed("stat", name, err)
	}
	return n.entry(path.Base(name)), nil
}

// List implements [paradise.FileDriver]. It yields the entries that the folder had at
// the call, sorted by name. Size, time and the other facts of an entry are current when
// it is yielded.
func (m *FS) List(ctx context.Context, _ *paradise.Session, dir string) (paradise.Listing, error) {
	m.rlock()
	defer m.mu.RUnlock()
	n, err := m.lookupFolder(dir)
	if err != nil {
		return nil, failed("list", dir, err)
	}
	snapshot := make([]listed, 0, len(n.children))
	for name, child := range n.children {
		snapshot = append(snapshot, listed{name, child})
	}
	slices.SortFunc(snapshot, func(a, b listed) int { return strings.Compare(a.name, b.name) })

	return func(yield func(paradise.Entry, error) bool) {
		for _, l := range snapshot {
			if ctx.Err() != nil {
				yield(paradise.Entry{}, context.Cause(ctx))
				return
			}
			if !yield(m.entryOf(l), nil) {
				return
			}
		}
	}, nil
}

// listed is an entry of a listing. It is small because a slow client may keep a listing
// in memory for long.
type listed struct {
	name string
	node *node
}

func (m *FS) entryOf(l listed) paradise.Entry {
	m.rlock()
	defer m.mu.RUnlock()
	return l.node.entry(l.name)
}

// Open implements [paradise.FileDriver]. The reader keeps the content of this moment
// even if the file is replaced or removed.
func (m *FS) Open(_ context.Context, _ *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	m.rlock()
	defer m.mu.RUnlock()
	n, err := m.lookupFile(name)
	if err != nil {
		return nil, failed("open", name, err)
	}
	if offset < 0 || offset > int64(len(n.data)) {
		return nil, failed("open", name, paradise.ErrBadOffset)
	}
	return &reader{rest: n.data[offset:]}, nil
}

// reader has no WriteTo, so that the core decides how much is sent at once.
type reader struct {
	rest   []byte
	closed bool
}

func (r *reader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, fs.ErrClosed
	}
	if len(r.rest) == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *reader) Close() error {
	if r.closed {
		return fs.ErrClosed
	}
	r.closed, r.rest = true, nil
	return nil
}

// Space implements [paradise.FileDriver]. Without a Capacity it returns math.MaxInt64.
func (m *FS) Space(_ context.Context, _ *paradise.Session, dir string) (int64, error) {
	m.rlock()
	defer m.mu.RUnlock()
	if _, err := m.lookupFolder(dir); err != nil {
		return 0, failed("space", dir, err)
	}
	if m.Capacity <= 0 {
		return math.MaxInt64, nil
	}
	return max(0, m.Capacity-m.used), nil
}

// reserve takes n bytes of the capacity. If they are not available it takes none and
// fails.
func (m *FS) reserve(n int64) error {
	m.lock()
	defer m.mu.Unlock()
	return m.reserveLocked(n)
}

func (m *FS) reserveLocked(n int64) error {
	if m.Capacity > 0 && n > m.Capacity-m.used {
		return paradise.ErrNoSpace
	}
	m.used += n
	return nil
}

func (m *FS) release(n int64) {
	m.lock()
	defer m.mu.Unlock()
	m.used -= n
}

// publish sets data as the content of the file base in dir. reserved is how many of its
// bytes are counted in used already. The caller holds the lock and has checked that base
// is not a folder. A replaced file keeps its mode, owner and identity.
func (m *FS) publish(dir *node, base string, data []byte, reserved int64) {
	n := dir.children[base]
	if n == nil {
		n = m.newFile()
		dir.attach(base, n)
	}
	m.used += int64(len(data)) - int64(len(n.data)) - reserved
	n.data = data
	n.modTime = time.Now()
	m.versions++
	n.version = m.versions
}

func failed(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}
