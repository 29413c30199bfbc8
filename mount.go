package paradise

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Mount returns a driver that joins others: each serves the names below its prefix, a
// clean absolute name, as its own "/". Of prefixes within one another the longest has a
// name. Without one for "/" the top is a folder that shows the mounts and takes nothing.
//
//	paradise.Mount(map[string]paradise.FileDriver{
//		"/":        inbox,
//		"/archive": paradise.ReadOnly(archive),
//	})
//
// A mount hides what the storage around it has under that name. It stands in listings
// with the attributes of its storage's "/", and cannot be removed, renamed, replaced or
// changed; neither can a folder that leads to one, which is there even if no storage has
// it. Features are those of all mounts together. What one of them cannot do, it refuses.
//
// Rename moves a file to another storage by copying it, with its times and mode where
// both can have them; the old name goes when the new one is published. Of a symbolic
// link it copies what the link leads to. A folder is refused with 550. Who asks for one
// of the two names while they change waits, so that those who share this driver see the
// move as one step; others may see both names for a moment. If the process dies between,
// both stay, the old one perhaps as ".moved-" and twelve digits beside its place. Two
// mounts of one driver, by [Sub] too, are one storage: it renames and copies by itself.
// Copy to another storage returns [errors.ErrUnsupported], and the core copies.
//
// Unique and Version of entries begin with a mark of the storage, made of its prefix.
//
// It panics if a driver is nil or a prefix not clean: a mistake in the program, as
// [net/http.ServeMux.Handle] has it. The map is copied.
func Mount(drivers map[string]FileDriver) FileDriver {
	m := &mounts{folders: make(map[string][]string)}
	for _, prefix := range slices.Sorted(maps.Keys(drivers)) {
		mustBeClean("Mount", prefix)
		if drivers[prefix] == nil {
			panic(fmt.Sprintf("paradise: Mount: the driver of %q is nil", prefix))
		}
		m.add(prefix, drivers[prefix])
	}
	if drivers["/"] == nil {
		m.add("/", bareTop{folders: m.folders})
	}
	slices.SortStableFunc(m.points, func(a, b *point) int { return len(b.prefix) - len(a.prefix) })
	return m
}

// mounts is several drivers as one.
type mounts struct {
	points []*point // the longest prefix first
	// folders stay as they are: mounts and what leads to them, each with the sorted names of
	// those directly below.
	folders map[string][]string
	turns   nameTurns
}

// point is a driver and where it is mounted.
type point struct {
	FileDriver
	prefix string     // "" for "/"
	base   FileDriver // what the driver is a folder of, or itself
	dir    string     // that folder; "" for "/"
	mark   string     // of base, for Unique and Version
}

// add comes in the order of the prefixes, so that what is in folders is sorted.
func (m *mounts) add(prefix string, d FileDriver) {
	p := &point{FileDriver: d, prefix: strings.TrimSuffix(prefix, "/"), base: d}
	if b, ok := d.(*sub); ok {
		p.base, p.dir = b.d, b.dir
	}
	sum := sha256.Sum256([]byte(prefix))
	p.mark = hex.EncodeToString(sum[:6]) + "."
	for _, other := range m.points {
		if sameDriver(other.base, p.base) {
			p.mark = other.mark
		}
	}
	m.points = append(m.points, p)
	if _, known := m.folders[prefix]; !known {
		m.folders[prefix] = nil
	}
	for name := prefix; name != "/"; name = path.Dir(name) {
		dir, base := path.Dir(name), path.Base(name)
		if i, there := slices.BinarySearch(m.folders[dir], base); !there {
			m.folders[dir] = slices.Insert(m.folders[dir], i, base)
		}
	}
}

// sameDriver compares what may not be comparable: then it is another one.
func sameDriver(a, b FileDriver) (same bool) {
	defer func() { _ = recover() }()
	return a == b
}

// place is a name and where it lies.
type place struct {
	*point
	name  string // as the caller knows it
	inner string // as the driver does
	stays bool   // a mount, or a folder that leads to one
}

// at finds the place of a name.
func (m *mounts) at(name string) (place, error) {
	name, err := cleaned(name)
	if err != nil {
		return place{}, err
	}
	_, stays := m.folders[name]
	for _, p := range m.points {
		if inner, ok := beneath(name, p.prefix); ok {
			return place{p, name, inner, stays}, nil
		}
	}
	return place{}, fmt.Errorf("paradise: %q: %w", name, ErrBadName) // "/" has every name
}

// isMount reports whether the storage's own "/" is meant.
func (p place) isMount() bool { return p.inner == "/" }

// inBase is the name for what the driver is a folder of.
func (p place) inBase() string {
	if p.isMount() {
		return cmp.Or(p.dir, "/")
	}
	return p.dir + p.inner
}

// key is what takes turns: a file that two mounts of one driver lead to has one.
func (p place) key() string { return p.mark + p.inBase() }

// refuse is the error for a change of what stays.
func (p place) refuse() error {
	text := "A storage is mounted below"
	if p.isMount() {
		text = "A storage is mounted there"
	}
	return &ReplyError{Code: 550, Text: text, Err: &fs.PathError{Op: "change", Path: p.name, Err: fs.ErrPermission}}
}

// named shows a [fs.PathError] under the name that the caller knows.
func (p place) named(err error) error {
	if e, ok := err.(*fs.PathError); ok && (e.Path == p.inner || e.Path == p.inBase()) {
		return &fs.PathError{Op: e.Op, Path: p.name, Err: e.Err}
	}
	return err
}

// marked tells e from the entries of other storages. Where the other mounts can do what
// this one cannot, the entry says so.
func (p *point) marked(e Entry, can Features) Entry {
	if e.Unique != "" {
		e.Unique = p.mark + e.Unique
	}
	if e.Version != "" {
		e.Version = p.mark + e.Version
	}
	if can&FeatureAppend == 0 {
		e.Deny |= PermAppend
	}
	return e
}

// unmarked takes the mark off a version that marked has made.
func (p *point) unmarked(version string) (string, error) {
	inner, ok := strings.CutPrefix(version, p.mark)
	if !ok && version != "" {
		return "", fmt.Errorf("paradise: the version is of another storage: %w", ErrBusy)
	}
	return inner, nil
}

// Features are those that a session finds somewhere.
func (m *mounts) Features(s *Session) Features { return m.featuresBelow(s, "/") }

func (m *mounts) featuresBelow(s *Session, dir string) Features {
	var all Features
	if p, err := m.at(dir); err == nil {
		all = p.Features(s)
	}
	for _, p := range m.points {
		if _, ok := beneath(p.prefix, strings.TrimSuffix(dir, "/")); ok {
			all |= p.Features(s)
		}
	}
	return all
}

func (m *mounts) Stat(ctx context.Context, s *Session, name string) (Entry, error) {
	p, err := m.at(name)
	if err != nil {
		return Entry{}, err
	}
	leave, err := m.turns.share(ctx, p.key())
	if err != nil {
		return Entry{}, err
	}
	defer leave()
	return p.stat(ctx, s)
}

// notAFolder reports whether a storage lacks a folder.
func notAFolder(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotDir) }

func (p place) stat(ctx context.Context, s *Session) (Entry, error) {
	e, err := p.FileDriver.Stat(ctx, s, p.inner)
	switch {
	case p.stays && !p.isMount() && (notAFolder(err) || err == nil && !e.IsDir()):
		return p.bare(), nil
	case p.isMount() && isUnsupported(err):
		return Entry{Name: path.Base(p.name), Mode: fs.ModeDir | 0o755, Deny: denyStays}, nil
	case err != nil:
		return Entry{}, p.named(err)
	}
	e = p.marked(e, p.Features(s))
	if p.stays {
		e.Name = path.Base(p.name)
		e.Deny |= denyStays
	}
	return e, nil
}

// denyStays is what nobody can do to a mount, or to a folder that leads to one.
const denyStays = PermRename | PermRmdir | PermChmod | PermTimes

// bare is a folder that no storage has.
func (p place) bare() Entry {
	return Entry{Name: path.Base(p.name), Mode: fs.ModeDir | 0o555, Deny: PermWrites}
}

func (m *mounts) List(ctx context.Context, s *Session, dir string) (Listing, error) {
	p, err := m.at(dir)
	if err != nil {
		return nil, err
	}
	l, err := p.FileDriver.List(ctx, s, p.inner)
	below := m.folders[p.name]
	if len(below) > 0 && (notAFolder(err) || isUnsupported(err)) {
		l, err = nil, nil
	}
	if err != nil {
		return nil, p.named(err)
	}
	if l == nil {
		l = Entries(nil)
	}
	return m.listing(ctx, s, p, l, below), nil
}

// listing puts the mounts where the order of names has them, in place of what they hide.
func (m *mounts) listing(ctx context.Context, s *Session, dir place, l Listing, below []string) Listing {
	can := dir.Features(s)
	return func(yield func(Entry, error) bool) {
		rest := below
		for e, err := range l {
			if err != nil {
				yield(Entry{}, dir.named(err))
				return
			}
			for len(rest) > 0 && rest[0] < e.Name {
				if !yield(m.shown(ctx, s, dir, rest[0]), nil) {
					return
				}
				rest = rest[1:]
			}
			if _, hidden := slices.BinarySearch(below, e.Name); hidden {
				continue
			}
			if !yield(dir.marked(e, can), nil) {
				return
			}
		}
		for _, name := range rest {
			if !yield(m.shown(ctx, s, dir, name), nil) {
				return
			}
		}
	}
}

// shown is what a listing has of a mount. One whose storage fails hides no other.
func (m *mounts) shown(ctx context.Context, s *Session, dir place, base string) Entry {
	p, err := m.at(path.Join(dir.name, base))
	if err != nil {
		return Entry{Name: base, Mode: fs.ModeDir}
	}
	e, err := p.stat(ctx, s)
	if err != nil {
		return p.bare()
	}
	return e
}

func (m *mounts) Open(ctx context.Context, s *Session, name string, offset int64) (io.ReadCloser, error) {
	p, err := m.at(name)
	if err != nil {
		return nil, err
	}
	if p.stays {
		return nil, &fs.PathError{Op: "open", Path: p.name, Err: ErrIsDir}
	}
	leave, err := m.turns.share(ctx, p.key())
	if err != nil {
		return nil, err
	}
	defer leave()
	r, err := p.FileDriver.Open(ctx, s, p.inner, offset)
	return r, p.named(err)
}

// Space is that of the storage which dir lies in.
func (m *mounts) Space(ctx context.Context, s *Session, dir string) (int64, error) {
	p, err := m.at(dir)
	if err != nil {
		return 0, err
	}
	n, err := p.FileDriver.Space(ctx, s, p.inner)
	return n, p.named(err)
}

// bareTop is "/" where nothing is mounted there. Of the names below it only the folders
// are there, which mounts shows by itself.
type bareTop struct {
	UnimplementedFileDriver
	folders map[string][]string
}

func (t bareTop) Stat(_ context.Context, _ *Session, name string) (Entry, error) {
	if name == "/" {
		return Entry{Name: "/", Mode: fs.ModeDir | 0o555, Deny: PermWrites}, nil
	}
	return Entry{}, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

func (t bareTop) List(_ context.Context, _ *Session, dir string) (Listing, error) {
	if _, ok := t.folders[dir]; ok {
		return Entries(nil), nil
	}
	return nil, &fs.PathError{Op: "list", Path: dir, Err: fs.ErrNotExist}
}

func (t bareTop) Open(_ context.Context, _ *Session, name string, _ int64) (io.ReadCloser, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (t bareTop) Store(_ context.Context, _ *Session, name string, _ StoreOptions) (Upload, error) {
	return nil, t.taken("store", name)
}

func (t bareTop) Mkdir(_ context.Context, _ *Session, name string) error {
	return t.taken("mkdir", name)
}

func (t bareTop) Remove(_ context.Context, _ *Session, name string) error {
	return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
}

func (t bareTop) RemoveDir(_ context.Context, _ *Session, name string) error {
	return &fs.PathError{Op: "rmdir", Path: name, Err: fs.ErrNotExist}
}

func (t bareTop) Rename(_ context.Context, _ *Session, from, _ string, _ RenameOptions) error {
	return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
}

func (t bareTop) Copy(_ context.Context, _ *Session, from, _ string, _ CopyOptions) error {
	return &fs.PathError{Op: "copy", Path: from, Err: fs.ErrNotExist}
}

func (t bareTop) SetAttr(_ context.Context, _ *Session, name string, _ Attr) error {
	return &fs.PathError{Op: "setattr", Path: name, Err: fs.ErrNotExist}
}

// taken refuses a new name: the folder takes none, or is not there.
func (t bareTop) taken(op, name string) error {
	if _, ok := t.folders[path.Dir(name)]; ok {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
	}
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}
