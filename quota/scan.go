package quota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/paradiseftp/paradise"
)

// scan counts the files of a session's account.
func (a *account) scan(ctx context.Context, s *paradise.Session) (Usage, error) {
	u, err := scan(ctx, a.q.FileDriver, s)
	if err == nil || ctx.Err() != nil {
		return u, err
	}
	a.q.o.Logger.Error("files cannot be counted: uploads are refused", "account", a.key, "user", s.User.Name, "error", err)
	return u, &paradise.ReplyError{Code: 451, Text: "Quota is unknown: your files cannot be counted; remove what is in the way", Err: err}
}

// scan adds up the regular files that a session can see, folder by folder, and
// follows no links. A driver without List has nothing to count.
func scan(ctx context.Context, d paradise.FileDriver, s *paradise.Session) (Usage, error) {
	c := counter{ctx: ctx, d: d, s: s, above: make(map[string]bool)}
	root, _ := d.Stat(ctx, s, "/") // its identity is of use and not needed
	err := c.enter(child{unique: root.Unique})
	if errors.Is(err, errors.ErrUnsupported) {
		return Usage{}, nil
	}
	for err == nil && len(c.levels) > 0 {
		err = c.step()
	}
	return c.sum, err
}

// What a scan remembers is bounded, however wide the folders are and however deep
// they lie: some names of folders that are still to be counted, on each level from
// the root to where it is. A folder of which not all fit is listed again.
const (
	manyNames = 1 << 16 // on all levels together
	fewNames  = 64      // on each level beyond
)

// counter is a scan that is somewhere in the tree.
type counter struct {
	ctx    context.Context
	d      paradise.FileDriver
	s      *paradise.Session
	sum    Usage
	levels []level
	names  int             // in all levels' todo
	above  map[string]bool // identities of the folders that it is in
}

// level is a folder that the scan is in.
type level struct {
	child
	todo []child // folders in it, by name; the last is next
	more bool    // there are others, whose names come after all of these
}

type child struct{ name, unique string }

// path is the name of the folder that the scan is in.
func (c *counter) path() string {
	var b strings.Builder
	for _, l := range c.levels[1:] {
		b.WriteByte('/')
		b.WriteString(l.name)
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// step counts the next folder of the deepest level, or leaves the level.
func (c *counter) step() error {
	l := &c.levels[len(c.levels)-1]
	if len(l.todo) == 0 {
		c.leave()
		return c.ctx.Err()
	}
	next := l.todo[len(l.todo)-1]
	l.todo = l.todo[:len(l.todo)-1]
	c.names--
	if len(l.todo) == 0 && l.more {
		if err := c.list(next.name, false); err != nil {
			return err
		}
	}
	if c.above[next.unique] { // the driver follows links that lead back
		return nil
	}
	return c.enter(next)
}

func (c *counter) enter(f child) error {
	c.levels = append(c.levels, level{child: f})
	if f.unique != "" {
		c.above[f.unique] = true
	}
	return c.list("", true)
}

func (c *counter) leave() {
	last := len(c.levels) - 1
	delete(c.above, c.levels[last].unique)
	c.levels = c.levels[:last]
}

// list reads the folder that the scan is in: for the folders whose names come after
// one, and the first time for its files.
func (c *counter) list(after string, files bool) error {
	l := &c.levels[len(c.levels)-1]
	dir := c.path()
	l.more = false
	limit := max(manyNames-c.names, fewNames)
	entries, err := c.d.List(c.ctx, c.s, dir)
	if err != nil {
		return c.failed(dir, err)
	}
	for e, err := range entries {
		switch {
		case err != nil:
			return c.failed(dir, err)
		case e.IsDir():
			if files || e.Name > after {
				l.todo = append(l.todo, child{strings.Clone(e.Name), e.Unique})
			}
			if len(l.todo) >= 2*limit {
				l.keep(limit)
			}
		case files && e.Mode.IsRegular():
			c.sum = c.sum.plus(Usage{max(e.Size, 0), 1})
		}
	}
	l.keep(limit)
	c.names += len(l.todo)
	return c.ctx.Err()
}

// keep keeps the first names in order.
func (l *level) keep(limit int) {
	slices.SortFunc(l.todo, func(a, b child) int { return strings.Compare(b.name, a.name) })
	if over := len(l.todo) - limit; over > 0 {
		l.todo = slices.Clone(l.todo[over:])
		l.more = true
	}
}

// failed passes over a folder that has gone meanwhile.
func (c *counter) failed(dir string, err error) error {
	if last := len(c.levels) - 1; last > 0 && c.gone(dir) {
		c.levels[last].todo = nil
		return nil
	}
	if len(dir) > shownName {
		dir = dir[:shownName] + "..."
	}
	return fmt.Errorf("quota: counting %q: %w", dir, err)
}

func (c *counter) gone(dir string) bool {
	e, err := c.d.Stat(c.ctx, c.s, dir)
	return err == nil && !e.IsDir() || errors.Is(err, fs.ErrNotExist) || errors.Is(err, paradise.ErrNotDir)
}

// shownName is how much of a folder's name an error shows.
const shownName = 200
