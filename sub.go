package paradise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/paradiseftp/paradise/internal/vpath"
)

// Sub returns a driver that serves the folder dir of d as its "/", as [fs.Sub] does for
// file systems. Names cannot lead out of it. A symbolic link that d follows can: a folder
// that is a jail against links too is one that osfs.Open opened.
//
// dir must be there when sessions come; it cannot be removed or renamed through the
// result. What the result returns, Uploads and readers, is d's own.
//
// It panics if d is nil or dir is not a clean absolute name: a mistake in the program.
func Sub(d FileDriver, dir string) FileDriver {
	if d == nil {
		panic("paradise: Sub: the driver is nil")
	}
	mustBeClean("Sub", dir)
	if dir == "/" {
		return d
	}
	if outer, ok := d.(*sub); ok {
		return &sub{outer.d, outer.dir + dir}
	}
	return &sub{d, dir}
}

// mustBeClean panics unless name is one that a driver may be asked for.
func mustBeClean(function, name string) {
	clean, err := vpath.Resolve("/", name)
	if err != nil || clean != name {
		panic(fmt.Sprintf("paradise: %s: %q is not a clean absolute name such as \"/folder\"", function, name))
	}
}

// cleaned is name as the contract of [FileDriver] has it, whoever calls.
func cleaned(name string) (string, error) {
	if !strings.HasPrefix(name, "/") {
		return "", fmt.Errorf("paradise: %q: %w", name, ErrBadName)
	}
	return path.Clean(name), nil
}

// errTop refuses to change the folder that is somebody's "/".
var errTop = fmt.Errorf("paradise: the root can't be changed: %w", fs.ErrPermission)

// sub is a folder of d.
type sub struct {
	d   FileDriver
	dir string // not "/"
}

// in returns d's name for a name in the folder.
func (b *sub) in(name string) (string, error) {
	name, err := cleaned(name)
	if err != nil || name == "/" {
		return b.dir, err
	}
	return b.dir + name, nil
}

// below is in for what may be changed; at the folder itself it returns top.
func (b *sub) below(name string, top error) (string, error) {
	inner, err := b.in(name)
	if err == nil && inner == b.dir {
		err = top
	}
	return inner, err
}

// named shows a [fs.PathError] under the name that the caller knows.
func (b *sub) named(err error) error {
	e, ok := err.(*fs.PathError)
	if !ok {
		return err
	}
	rest, ok := beneath(e.Path, b.dir)
	if !ok {
		return err
	}
	return &fs.PathError{Op: e.Op, Path: rest, Err: e.Err}
}

// beneath returns what name is below dir, "/" for dir itself. The root is "".
func beneath(name, dir string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(name, dir)
	switch {
	case !ok || rest != "" && rest[0] != '/':
		return "", false
	case rest == "":
		return "/", true
	}
	return rest, true
}

// Features are those below the folder, where d can tell.
func (b *sub) Features(s *Session) Features {
	if m, ok := b.d.(*mounts); ok {
		return m.featuresBelow(s, b.dir)
	}
	return b.d.Features(s)
}

func (b *sub) Stat(ctx context.Context, s *Session, name string) (Entry, error) {
	inner, err := b.in(name)
	if err != nil {
		return Entry{}, err
	}
	e, err := b.d.Stat(ctx, s, inner)
	if err == nil && inner == b.dir {
		e.Name = "/"
	}
	return e, b.named(err)
}

func (b *sub) List(ctx context.Context, s *Session, dir string) (Listing, error) {
	inner, err := b.in(dir)
	if err != nil {
		return nil, err
	}
	l, err := b.d.List(ctx, s, inner)
	return l, b.named(err)
}

func (b *sub) Open(ctx context.Context, s *Session, name string, offset int64) (io.ReadCloser, error) {
	inner, err := b.in(name)
	if err != nil {
		return nil, err
	}
	r, err := b.d.Open(ctx, s, inner, offset)
	return r, b.named(err)
}

func (b *sub) Store(ctx context.Context, s *Session, name string, o StoreOptions) (Upload, error) {
	inner, err := b.below(name, ErrIsDir)
	if err != nil {
		return nil, err
	}
	u, err := b.d.Store(ctx, s, inner, o)
	return u, b.named(err)
}

func (b *sub) Mkdir(ctx context.Context, s *Session, name string) error {
	inner, err := b.below(name, fs.ErrExist)
	if err != nil {
		return err
	}
	return b.named(b.d.Mkdir(ctx, s, inner))
}

func (b *sub) Remove(ctx context.Context, s *Session, name string) error {
	inner, err := b.below(name, ErrIsDir)
	if err != nil {
		return err
	}
	return b.named(b.d.Remove(ctx, s, inner))
}

func (b *sub) RemoveDir(ctx context.Context, s *Session, name string) error {
	inner, err := b.below(name, errTop)
	if err != nil {
		return err
	}
	return b.named(b.d.RemoveDir(ctx, s, inner))
}

func (b *sub) Rename(ctx context.Context, s *Session, from, to string, o RenameOptions) error {
	src, err := b.below(from, errTop)
	dst, err2 := b.below(to, fs.ErrExist)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	return b.named(b.d.Rename(ctx, s, src, dst, o))
}

func (b *sub) Copy(ctx context.Context, s *Session, from, to string, o CopyOptions) error {
	src, err := b.below(from, ErrIsDir)
	dst, err2 := b.below(to, fs.ErrExist)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	return b.named(b.d.Copy(ctx, s, src, dst, o))
}

func (b *sub) SetAttr(ctx context.Context, s *Session, name string, a Attr) error {
	inner, err := b.below(name, errTop)
	if err != nil {
		return err
	}
	return b.named(b.d.SetAttr(ctx, s, inner, a))
}

func (b *sub) Space(ctx context.Context, s *Session, dir string) (int64, error) {
	inner, err := b.in(dir)
	if err != nil {
		return 0, err
	}
	n, err := b.d.Space(ctx, s, inner)
	return n, b.named(err)
}
