package osfs

import (
	"context"
	"io"

	"github.com/paradiseftp/paradise"
)

// served has the methods of a [paradise.FileDriver] over the folder that pick
// finds for a session, each time anew. pick's caller closes the folder's top.
type served struct {
	paradise.UnimplementedFileDriver
	pick func(s *paradise.Session) (*folder, error)
}

// in calls act with the session's folder.
func in[T any](v *served, s *paradise.Session, act func(*folder) (T, error)) (result T, err error) {
	f, err := v.pick(s)
	if err != nil {
		return result, err
	}
	defer f.top.close()
	result, err = act(f)
	f.heed(err)
	return result, err
}

func (v *served) do(s *paradise.Session, act func(*folder) error) error {
	_, err := in(v, s, func(f *folder) (struct{}, error) { return struct{}{}, act(f) })
	return err
}

// Features implements [paradise.FileDriver].
func (v *served) Features(*paradise.Session) paradise.Features { return features() }

// Stat implements [paradise.FileDriver].
func (v *served) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	return in(v, s, func(f *folder) (paradise.Entry, error) { return f.Stat(ctx, s, name) })
}

// List implements [paradise.FileDriver]. It holds one descriptor until the
// listing has been ranged over, and less than 700 KiB whatever the folder's size.
// Symbolic links appear as links. Up to 10,000 entries come in the order of their
// names, byte by byte, and more in the order of the disk.
func (v *served) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	return in(v, s, func(f *folder) (paradise.Listing, error) { return f.List(ctx, s, dir) })
}

// Open implements [paradise.FileDriver]. What it returns is an *os.File.
func (v *served) Open(ctx context.Context, s *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	return in(v, s, func(f *folder) (io.ReadCloser, error) { return f.Open(ctx, s, name, offset) })
}

// Store implements [paradise.FileDriver]. A name that is a link means the file
// it leads to, inside the served folder; a dangling link is refused.
func (v *served) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	return in(v, s, func(f *folder) (paradise.Upload, error) { return f.Store(ctx, s, name, o) })
}

// Mkdir implements [paradise.FileDriver].
func (v *served) Mkdir(ctx context.Context, s *paradise.Session, name string) error {
	return v.do(s, func(f *folder) error { return f.Mkdir(ctx, s, name) })
}

// Remove implements [paradise.FileDriver]. Of a link it removes the link.
func (v *served) Remove(ctx context.Context, s *paradise.Session, name string) error {
	return v.do(s, func(f *folder) error { return f.Remove(ctx, s, name) })
}

// RemoveDir implements [paradise.FileDriver]. What dead processes left in the
// folder does not count.
func (v *served) RemoveDir(ctx context.Context, s *paradise.Session, name string) error {
	return v.do(s, func(f *folder) error { return f.RemoveDir(ctx, s, name) })
}

// Rename implements [paradise.FileDriver]. A link is moved as a link.
func (v *served) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	return v.do(s, func(f *folder) error { return f.Rename(ctx, s, from, to, o) })
}

// Copy implements [paradise.FileDriver]. It is a transaction like an upload,
// and shares blocks where the file system can. It replaces a file.
func (v *served) Copy(ctx context.Context, s *paradise.Session, from, to string, o paradise.CopyOptions) error {
	return v.do(s, func(f *folder) error { return f.Copy(ctx, s, from, to, o) })
}

// SetAttr implements [paradise.FileDriver]. It follows links inside the root, and
// refuses the root itself.
func (v *served) SetAttr(ctx context.Context, s *paradise.Session, name string, a paradise.Attr) error {
	return v.do(s, func(f *folder) error { return f.SetAttr(ctx, s, name, a) })
}

// Space implements [paradise.FileDriver]: what the file system has left for an
// unprivileged user.
func (v *served) Space(ctx context.Context, s *paradise.Session, dir string) (int64, error) {
	return in(v, s, func(f *folder) (int64, error) { return f.Space(ctx, s, dir) })
}
