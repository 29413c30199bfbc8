package osfs

import (
	"context"
	"errors"
	"io/fs"
	"sync/atomic"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/texts"
)

// List opens a folder for reading; the end of the range closes it.
func (d *folder) List(ctx context.Context, _ *paradise.Session, name string) (paradise.Listing, error) {
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

func (d *folder) entries(ctx context.Context, r *dirReader, yield func(paradise.Entry, error) bool) {
	l := lister{r: r, owners: d.opts.Owners}
	for name, err := range r.inOrder(ctx) {
		if err != nil {
			yield(paradise.Entry{}, mapError(err))
			return
		}
		e := paradise.Entry{Name: name}
		if !l.describe(&e) {
			continue // deleted since its name was read
		}
		if !yield(e, nil) {
			return
		}
	}
}

// lister describes the files of a folder.
type lister struct {
	r       *dirReader
	owners  func(uid, gid uint32) (owner, group string)
	info    info
	unique  [maxUnique]byte
	uniques texts.Texts
}

// describe fills an entry that has its name, and reports whether the file is
// there. One that may not be looked at is listed all the same, without a size.
func (l *lister) describe(e *paradise.Entry) bool {
	i := &l.info
	if err := l.r.lstat(e.Name, i); err != nil {
		e.Size, e.Mode = -1, fs.ModeIrregular
		return !errors.Is(err, fs.ErrNotExist)
	}
	i.describe(e, l.owners)
	e.Unique = l.uniques.Add(i.appendUnique(l.unique[:0]))
	if i.mode&fs.ModeSymlink != 0 {
		e.Target, _ = l.r.readlink(e.Name) // gone again: shown without
	}
	return true
}
