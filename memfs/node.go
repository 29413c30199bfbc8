package memfs

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/paradiseftp/paradise"
)

// node is a file or a folder. The lock of its FS guards it. Only the bytes of data may
// be read without the lock, because they never change.
type node struct {
	id       uint64
	mode     fs.FileMode
	modTime  time.Time
	created  time.Time
	owner    string
	group    string
	data     []byte           // replaced, never written to
	version  uint64           // changes with data
	children map[string]*node // nil for a file
}

func (m *FS) newFile() *node {
	m.lastID++
	now := time.Now()
	return &node{id: m.lastID, mode: 0o644, modTime: now, created: now}
}

func (m *FS) newFolder() *node {
	n := m.newFile()
	n.mode = fs.ModeDir | 0o755
	n.children = make(map[string]*node)
	return n
}

func (n *node) isDir() bool { return n.children != nil }

func (n *node) attach(name string, child *node) {
	n.children[name] = child
	n.modTime = time.Now()
}

func (n *node) detach(name string) {
	delete(n.children, name)
	n.modTime = time.Now()
}

func (n *node) entry(name string) paradise.Entry {
	return paradise.Entry{
		Name:    name,
		Size:    int64(len(n.data)),
		Mode:    n.mode,
		ModTime: n.modTime,
		Created: n.created,
		Owner:   n.owner,
		Group:   n.group,
		Unique:  strconv.FormatUint(n.id, 16),
		Version: strconv.FormatUint(n.version, 16),
	}
}

// elements splits a clean absolute name into its elements; "/" has none.
func elements(name string) []string {
	if name == "/" {
		return nil
	}
	return strings.Split(strings.TrimPrefix(name, "/"), "/")
}

func (m *FS) lookup(name string) (*node, error) {
	n := m.root
	for _, elem := range elements(name) {
		if !n.isDir() {
			return nil, paradise.ErrNotDir
		}
		if n = n.children[elem]; n == nil {
			return nil, fs.ErrNotExist
		}
	}
	return n, nil
}

func (m *FS) lookupFile(name string) (*node, error) {
	n, err := m.lookup(name)
	if err == nil && n.isDir() {
		return nil, paradise.ErrIsDir
	}
	return n, err
}

func (m *FS) lookupFolder(name string) (*node, error) {
	n, err := m.lookup(name)
	if err == nil && !n.isDir() {
		return nil, paradise.ErrNotDir
	}
	return n, err
}

// place is the folder and the entry of a name, which may not exist yet.
type place struct {
	dir  *node
	base string
	node *node // nil: the name is free
}

// place returns the place of a name. The root has none, because it is in no folder.
func (m *FS) place(name string) (place, error) {
	if name == "/" {
		return place{}, fs.ErrPermission
	}
	dir, err := m.lookupFolder(path.Dir(name))
	if err != nil {
		return place{}, err
	}
	base := path.Base(name)
	if len(base) > maxElement {
		return place{}, paradise.ErrBadName
	}
	return place{dir: dir, base: base, node: dir.children[base]}, nil
}

// existing is place for a name that must exist.
func (m *FS) existing(name string) (place, error) {
	p, err := m.place(name)
	if err == nil && p.node == nil {
		return place{}, fs.ErrNotExist
	}
	return p, err
}
