package iofs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"

	"github.com/paradiseftp/paradise"
)

// batch is how many entries of a folder are read at once.
const batch = 256

func (d driver) List(ctx context.Context, _ *paradise.Session, dir string) (paradise.Listing, error) {
	f, err := d.openFolder(dir)
	if err != nil {
		return nil, &fs.PathError{Op: "list", Path: dir, Err: known(err)}
	}
	reader, ok := f.(fs.ReadDirFile)
	if !ok {
		f.Close()
		return d.listWhole(ctx, dir)
	}
	return func(yield func(paradise.Entry, error) bool) {
		defer f.Close()
		for ctx.Err() == nil {
			entries, err := reader.ReadDir(batch)
			if !d.yieldAll(dir, entries, yield) {
				return
			}
			if errors.Is(err, io.EOF) || err == nil && len(entries) == 0 {
				return
			}
			if err != nil {
				yield(paradise.Entry{}, err)
				return
			}
		}
		yield(paradise.Entry{}, context.Cause(ctx))
	}, nil
}

// openFolder checks that dir is a folder before it opens it, because opening a pipe may
// block forever.
func (d driver) openFolder(dir string) (fs.File, error) {
	fi, err := fs.Stat(d.fsys, local(dir))
	if err != nil {
		return nil, err
	}
	if !fi.IsDir() {
		return nil, paradise.ErrNotDir
	}
	return d.fsys.Open(local(dir))
}

// listWhole lists a folder of a file system that is an fs.ReadDirFS and whose folders
// are not fs.ReadDirFiles. All entries are in memory at once.
func (d driver) listWhole(ctx context.Context, dir string) (paradise.Listing, error) {
	fsys, ok := d.fsys.(fs.ReadDirFS)
	if !ok {
		return nil, &fs.PathError{Op: "list", Path: dir, Err: errors.ErrUnsupported}
	}
	entries, err := fsys.ReadDir(local(dir))
	if err != nil {
		return nil, known(err)
	}
	return func(yield func(paradise.Entry, error) bool) {
		for len(entries) > 0 && ctx.Err() == nil {
			n := min(batch, len(entries))
			if !d.yieldAll(dir, entries[:n], yield) {
				return
			}
			entries = entries[n:]
		}
		if ctx.Err() != nil {
			yield(paradise.Entry{}, context.Cause(ctx))
		}
	}, nil
}

// yieldAll yields a batch of entries. It returns false if the listing has ended.
func (d driver) yieldAll(dir string, entries []fs.DirEntry, yield func(paradise.Entry, error) bool) bool {
	for _, de := range entries {
		fi, err := de.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since the folder was read
		}
		if err != nil {
			yield(paradise.Entry{}, err)
			return false
		}
		e := paradise.EntryOf(fi)
		e.Name, e.Deny = de.Name(), paradise.PermWrites
		if e.Mode&fs.ModeSymlink != 0 {
			// A link whose target cannot be read is still an entry.
			e.Target, _ = fs.ReadLink(d.fsys, local(path.Join(dir, e.Name)))
		}
		if !yield(e, nil) {
			return false
		}
	}
	return true
}
