package quota

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/paradiseftp/paradise"
)

// Remove implements [paradise.FileDriver]. It needs no count, so that a user whose
// files cannot be counted can remove what is in the way.
func (q *Driver) Remove(ctx context.Context, s *paradise.Session, name string) error {
	a := q.use(q.o.Key(s))
	defer a.done()
	keys, unlock, err := a.changing(ctx, s, name)
	if err != nil {
		return err
	}
	defer unlock()
	return a.change(ctx, s, hold{keys: keys}, []string{name}, func(old []found) (Usage, error) {
		return old[0].minus(), q.FileDriver.Remove(ctx, s, name)
	})
}

// Rename implements [paradise.FileDriver]. A file that is replaced frees.
func (q *Driver) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	a := q.use(q.o.Key(s))
	defer a.done()
	src, err := q.look(ctx, s, from)
	if err != nil {
		return err
	}
	if src.file {
		if err = a.renameFile(ctx, s, from, to, o); err != errNoFile {
			return err
		}
	}
	return a.renameFolder(ctx, s, from, to, o)
}

// errNoFile says that a name stands for a file no more.
var errNoFile = errors.New("quota: no file")

func (a *account) renameFile(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	keys, unlock, err := a.changing(ctx, s, from, to)
	if err != nil {
		return err
	}
	defer unlock()
	return a.change(ctx, s, hold{keys: keys}, []string{from, to}, func(old []found) (Usage, error) {
		if !old[0].file {
			return Usage{}, errNoFile
		}
		return a.rename(ctx, s, from, to, o, old)
	})
}

// renameFolder has the tree alone: below a folder that moves no name may be looked
// at.
func (a *account) renameFolder(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	if err := a.tree.Lock(ctx); err != nil {
		return err
	}
	defer a.tree.Unlock()
	return a.change(ctx, s, hold{alone: true}, []string{from, to}, func(old []found) (Usage, error) {
		change, err := a.rename(ctx, s, from, to, o, old)
		if !old[0].file && (err == nil || errors.Is(err, paradise.ErrUnknownOutcome)) {
			a.folderMoved(from, to)
		}
		return change, err
	})
}

// rename returns what it frees: the file that was replaced, unless both names stand
// for one file.
func (a *account) rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions, old []found) (Usage, error) {
	if err := a.q.FileDriver.Rename(ctx, s, from, to, o); err != nil {
		return Usage{}, err
	}
	src, dst := old[0], old[1]
	if from == to || !dst.file || src.unique != "" && src.unique == dst.unique {
		return Usage{}, nil
	}
	if src.unique == "" || dst.unique == "" { // perhaps two spellings of one name
		if still, err := a.q.look(context.WithoutCancel(ctx), s, from); err == nil && still.file {
			return Usage{}, nil
		}
	}
	return dst.minus(), nil
}

// hold is what the other servers leave alone during a change.
type hold struct {
	keys  []string
	alone bool // everything
}

// change does what changes names, and counts it. do is told what they stood for and
// returns what it comes to; where it fails, what they stand for then tells.
func (a *account) change(ctx context.Context, s *paradise.Session, h hold, names []string, do func([]found) (Usage, error)) error {
	l, err := a.announce(ctx, h.alone, h.keys)
	if err != nil {
		return err
	}
	var change Usage
	defer func() { l.settle(ctx, change) }()
	old, err := a.lookAt(ctx, s, names)
	if err != nil {
		return err
	}
	came, err := do(old)
	switch {
	case err == nil:
		change = came
	case slices.ContainsFunc(old, func(f found) bool { return f.file }):
		change = a.after(ctx, s, names, old, err)
	}
	return err
}

// after is what a change that failed has come to all the same.
func (a *account) after(ctx context.Context, s *paradise.Session, names []string, old []found, failure error) Usage {
	var change Usage
	now, err := a.lookAt(context.WithoutCancel(ctx), s, names)
	for i := range now {
		if i == 0 || names[i] != names[0] {
			change = change.less(old[i]).more(now[i])
		}
	}
	if err != nil || errors.Is(failure, paradise.ErrUnknownOutcome) {
		a.countLater(s)
	}
	return change
}

func (a *account) lookAt(ctx context.Context, s *paradise.Session, names []string) ([]found, error) {
	all := make([]found, 0, len(names))
	for _, name := range names {
		f, err := a.q.look(ctx, s, name)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// found is what a name stands for as far as it counts.
type found struct {
	file   bool
	size   int64
	unique string
	blind  bool // the driver cannot tell
}

func (f found) minus() Usage { return Usage{}.less(f) }

// less is u without a file.
func (u Usage) less(f found) Usage {
	if !f.file {
		return u
	}
	return Usage{u.Bytes - f.size, u.Files - 1}
}

// more is u with a file.
func (u Usage) more(f found) Usage {
	if !f.file {
		return u
	}
	return Usage{u.Bytes + f.size, u.Files + 1}
}

// look takes what is missing, or cannot be reached, for nothing: the driver then
// refuses by itself.
func (q *Driver) look(ctx context.Context, s *paradise.Session, name string) (found, error) {
	e, err := q.FileDriver.Stat(ctx, s, name)
	switch {
	case err == nil && e.IsDir():
		return found{}, nil
	case err == nil:
		return found{file: true, size: max(e.Size, 0), unique: e.Unique}, nil
	case errors.Is(err, errors.ErrUnsupported):
		return found{blind: true}, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission),
		errors.Is(err, paradise.ErrNotDir), errors.Is(err, paradise.ErrBadName):
		return found{}, nil
	}
	return found{}, err
}
