package osfs

import (
	"context"
	"errors"
	"io/fs"
	"sync/atomic"

	"github.com/paradiseftp/paradise"
)

// List implements [paradise.FileDriver]. It holds one descriptor until the
// listing has been ranged over, and a few KiB whatever the folder's size.
// Symbolic links appear as links. Entries come in the order of the disk.
func (d *Driver) List(ctx context.Context, _ *paradise.Session, name string) (paradise.Listing, error) {
	rel, err := clean(name)
	if err != nil {
		return nil, err
	}
	f, err := d.top.open(rel)
	if err != nil {
		return nil, mapError(err)
	}
	defer f.close()
	r, err := f.reader()
	if err != nil {
		return nil, mapError(err)
	}
	var used atomic.Bool
	return func(yield func(paradise.Entry, error) bool) {
		if used.Swap(true) {
			yield(paradise.Entry{}, fs.ErrClosed)
			return
		}
		defer r.close()
		d.entries(ctx, r, yield)
	}, nil
}

func (d *Driver) entries(ctx context.Context, r *dirReader, yield func(paradise.Entry, error) bool) {
	for name, err := range r.names(ctx) {
		if err != nil {
			yield(paradise.Entry{}, mapError(err))
			return
		}
		if hidden(name) {
			continue
		}
		e, err := d.entry(r, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted since its name was read
		}
		if !yield(e, nil) {
			return
		}
	}
}

// entry describes a file of a listing. One that may not be looked at is
// listed all the same, without a size.
func (d *Driver) entry(r *dirReader, name string) (paradise.Entry, error) {
	i, err := r.lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return paradise.Entry{}, err
	}
	if err != nil {
		return paradise.Entry{Name: name, Size: -1, Mode: fs.ModeIrregular}, nil
	}
	e := i.entry(name, d.opts.Owners)
	if i.mode&fs.ModeSymlink != 0 {
		e.Target, _ = r.readlink(name) // gone again: shown without
	}
	return e, nil
}
