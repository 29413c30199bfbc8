package memfs

import (
	"context"
	"io/fs"
	"strings"

	"github.com/paradiseftp/paradise"
)

// Mkdir implements [paradise.FileDriver].
func (m *FS) Mkdir(_ context.Context, _ *paradise.Session, name string) error {
	m.lock()
	defer m.mu.Unlock()
	if name == "/" {
		return failed("mkdir", name, fs.ErrExist)
	}
	p, err := m.place(name)
	if err != nil {
		return failed("mkdir", name, err)
	}
	if p.node != nil {
		return failed("mkdir", name, fs.ErrExist)
	}
	p.dir.attach(p.base, m.newFolder())
	return nil
}

// Remove implements [paradise.FileDriver].
func (m *FS) Remove(_ context.Context, _ *paradise.Session, name string) error {
	m.lock()
	defer m.mu.Unlock()
	n, err := m.lookupFile(name)
	if err != nil {
		return failed("remove", name, err)
	}
	p, err := m.existing(name)
	if err != nil {
		return failed("remove", name, err)
	}
	p.dir.detach(p.base)
	m.used -= int64(len(n.data))
	return nil
}

// RemoveDir implements [paradise.FileDriver]. The root stays.
func (m *FS) RemoveDir(_ context.Context, _ *paradise.Session, name string) error {
	m.lock()
	defer m.mu.Unlock()
	p, err := m.existing(name)
	if err != nil {
		return failed("rmdir", name, err)
	}
	if !p.node.isDir() {
		return failed("rmdir", name, paradise.ErrNotDir)
	}
	if len(p.node.children) > 0 {
		return failed("rmdir", name, paradise.ErrNotEmpty)
	}
	p.dir.detach(p.base)
	return nil
}

// Rename implements [paradise.FileDriver]. A file replaces an existing file; a folder
// replaces nothing.
func (m *FS) Rename(_ context.Context, _ *paradise.Session, from, to string, o paradise.RenameOptions) error {
	m.lock()
	defer m.mu.Unlock()
	src, err := m.existing(from)
	if err != nil {
		return failed("rename", from, err)
	}
	dst, err := m.place(to)
	if err != nil {
		return failed("rename", to, err)
	}
	if from == to && (!o.Folder || src.node.isDir()) {
		return nil
	}
	if strings.HasPrefix(to, from+"/") {
		return failed("rename", to, paradise.ErrBadName) // a folder cannot be inside itself
	}
	if o.Folder && !src.node.isDir() {
		return failed("rename", from, paradise.ErrNotDir)
	}
	if o.Version != "" && o.Version != src.node.entry(src.base).Version {
		return failed("rename", from, paradise.ErrBusy)
	}
	if dst.node != nil && (o.NoReplace || dst.node.isDir() || src.node.isDir()) {
		return failed("rename", to, fs.ErrExist)
	}
	if dst.node != nil {
		m.used -= int64(len(dst.node.data))
	}
	src.dir.detach(src.base)
	dst.dir.attach(dst.base, src.node)
	return nil
}

// Copy implements [paradise.FileDriver]. The copy shares its bytes with the original,
// which is safe because they never change. Its full size counts towards Capacity.
func (m *FS) Copy(_ context.Context, _ *paradise.Session, from, to string, o paradise.CopyOptions) error {
	for {
		data, err := m.content(from)
		if err != nil {
			return failed("copy", from, err)
		}
		if err := accepted(o.Accept, data); err != nil {
			return failed("copy", to, err)
		}
		done, err := m.copyOf(data, from, to, o)
		if done || err != nil {
			return err
		}
	}
}

func (m *FS) content(name string) ([]byte, error) {
	m.rlock()
	defer m.mu.RUnlock()
	n, err := m.lookupFile(name)
	if err != nil {
		return nil, err
	}
	return n.data, nil
}

// copyOf publishes data under the name to if data, which the core has accepted, is
// still the content of from. Otherwise done is false.
func (m *FS) copyOf(data []byte, from, to string, o paradise.CopyOptions) (done bool, err error) {
	m.lock()
	defer m.mu.Unlock()
	src, err := m.lookupFile(from)
	if err != nil {
		return false, failed("copy", from, err)
	}
	if !same(src.data, data) {
		return false, nil
	}
	dst, err := m.place(to)
	switch {
	case err != nil:
	case dst.node != nil && o.NoReplace:
		err = fs.ErrExist
	case dst.node != nil && dst.node.isDir():
		err = paradise.ErrIsDir
	default:
		err = m.reserveLocked(int64(len(data)))
	}
	if err != nil {
		return false, failed("copy", to, err)
	}
	m.publish(dst.dir, dst.base, data, int64(len(data)))
	return true, nil
}

// SetAttr implements [paradise.FileDriver].
func (m *FS) SetAttr(_ context.Context, _ *paradise.Session, name string, a paradise.Attr) error {
	m.lock()
	defer m.mu.Unlock()
	n, err := m.lookup(name)
	if err != nil {
		return failed("setattr", name, err)
	}
	if a.SetMode {
		n.mode = n.mode.Type() | a.Mode.Perm()
	}
	if !a.ModTime.IsZero() {
		n.modTime = a.ModTime
	}
	if !a.Created.IsZero() {
		n.created = a.Created
	}
	if a.Owner != "" {
		n.owner = a.Owner
	}
	if a.Group != "" {
		n.group = a.Group
	}
	return nil
}
