package paradisetest

import (
	"context"
	"io"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

// bent is memfs with some methods replaced: a good driver with one mistake.
type bent struct {
	*memfs.FS
	features  func() paradise.Features
	stat      func(name string) (paradise.Entry, error)
	list      func(ctx context.Context, dir string) (paradise.Listing, error)
	open      func(name string, offset int64) (io.ReadCloser, error)
	store     func(ctx context.Context, name string, o paradise.StoreOptions) (paradise.Upload, error)
	mkdir     func(name string) error
	remove    func(name string) error
	removeDir func(name string) error
	rename    func(from, to string) error
	copy      func(from, to string) error
	setAttr   func(name string, a paradise.Attr) error
	space     func() (int64, error)
}

var _ paradise.FileDriver = (*bent)(nil)

func (b *bent) Features(s *paradise.Session) paradise.Features {
	if b.features != nil {
		return b.features()
	}
	return b.FS.Features(s)
}

func (b *bent) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	if b.stat != nil {
		return b.stat(name)
	}
	return b.FS.Stat(ctx, s, name)
}

func (b *bent) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	if b.list != nil {
		return b.list(ctx, dir)
	}
	return b.FS.List(ctx, s, dir)
}

func (b *bent) Open(ctx context.Context, s *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	if b.open != nil {
		return b.open(name, offset)
	}
	return b.FS.Open(ctx, s, name, offset)
}

func (b *bent) Store(
	ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions,
) (paradise.Upload, error) {
	if b.store != nil {
		return b.store(ctx, name, o)
	}
	return b.FS.Store(ctx, s, name, o)
}

func (b *bent) Mkdir(ctx context.Context, s *paradise.Session, name string) error {
	if b.mkdir != nil {
		return b.mkdir(name)
	}
	return b.FS.Mkdir(ctx, s, name)
}

func (b *bent) Remove(ctx context.Context, s *paradise.Session, name string) error {
	if b.remove != nil {
		return b.remove(name)
	}
	return b.FS.Remove(ctx, s, name)
}

func (b *bent) RemoveDir(ctx context.Context, s *paradise.Session, name string) error {
	if b.removeDir != nil {
		return b.removeDir(name)
	}
	return b.FS.RemoveDir(ctx, s, name)
}

func (b *bent) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	if b.rename != nil {
		return b.rename(from, to)
	}
	return b.FS.Rename(ctx, s, from, to, o)
}

func (b *bent) Copy(ctx context.Context, s *paradise.Session, from, to string, o paradise.CopyOptions) error {
	if b.copy != nil {
		return b.copy(from, to)
	}
	return b.FS.Copy(ctx, s, from, to, o)
}

func (b *bent) SetAttr(ctx context.Context, s *paradise.Session, name string, a paradise.Attr) error {
	if b.setAttr != nil {
		return b.setAttr(name, a)
	}
	return b.FS.SetAttr(ctx, s, name, a)
}

func (b *bent) Space(ctx context.Context, s *paradise.Session, dir string) (int64, error) {
	if b.space != nil {
		return b.space()
	}
	return b.FS.Space(ctx, s, dir)
}

// bentUpload is an upload of memfs with some methods replaced.
type bentUpload struct {
	paradise.Upload
	begin  func(u paradise.UploadInfo) error
	write  func(p []byte) (int, error)
	commit func(ctx context.Context) error
	abort  func()
}

func (b *bentUpload) Begin(ctx context.Context, u paradise.UploadInfo) error {
	if b.begin != nil {
		return b.begin(u)
	}
	return b.Upload.Begin(ctx, u)
}

func (b *bentUpload) Write(p []byte) (int, error) {
	if b.write != nil {
		return b.write(p)
	}
	return b.Upload.Write(p)
}

func (b *bentUpload) Commit(ctx context.Context) error {
	if b.commit != nil {
		return b.commit(ctx)
	}
	return b.Upload.Commit(ctx)
}

func (b *bentUpload) Abort(ctx context.Context, cause error) {
	if b.abort != nil {
		b.abort()
		return
	}
	b.Upload.Abort(ctx, cause)
}
