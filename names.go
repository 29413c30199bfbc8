package paradise

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/paradiseftp/paradise/internal/vpath"
)

// resolve makes a virtual path of a client's argument. It is the only function
// that does.
func (c *conn) resolve(arg string) (string, error) {
	if c.facts().Policy.Device.Backslash {
		arg = strings.ReplaceAll(arg, `\`, "/")
	}
	name, err := vpath.Resolve(c.params.cwd, arg)
	if err != nil {
		return "", errors.Join(ErrBadName, err)
	}
	return name, nil
}

// errRoot refuses what would change the root.
var errRoot = errors.New("paradise: the root is the operator's")

// changeable resolves a name that a command is to change, remove, rename or put a
// file at. The root is none of these, whatever the storage says: who closes or moves
// it does so for everybody.
func (c *conn) changeable(arg string) (string, error) {
	name, err := c.resolve(arg)
	if err == nil && name == "/" {
		err = errRoot
	}
	return name, err
}

// badName is the refusal of a name that cannot be resolved, or not be changed.
func badName(err error) reply {
	if err == errRoot {
		return say(550, "The root can't be changed")
	}
	return reply{code: 553, text: "File name not allowed", err: err}
}

func (c *conn) exists(name string) bool {
	_, err := c.watched().Stat(c.ctx, c.facts(), name)
	return err == nil
}

func (c *conn) namesFile(arg string) bool {
	name, err := c.resolve(arg)
	return err == nil && c.exists(name)
}

// isLink reports whether a listing shows name as a link. Stat cannot describe one
// that leads nowhere or out of the storage; it may be renamed and removed all the
// same.
func (c *conn) isLink(name string) bool {
	if c.features()&FeatureLinks == 0 {
		return false
	}
	l, err := c.watched().List(c.ctx, c.facts(), path.Dir(name))
	if err != nil || l == nil {
		return false
	}
	for e, err := range l {
		if err != nil || e.Name == path.Base(name) {
			return err == nil && e.Mode&fs.ModeSymlink != 0
		}
	}
	return false
}

// regular stats a name that must be a file.
func (c *conn) regular(arg string) (string, Entry, reply) {
	name, err := c.resolve(arg)
	if err != nil {
		return "", Entry{}, badName(err)
	}
	e, err := c.watched().Stat(c.ctx, c.facts(), name)
	switch {
	case err != nil:
		return "", Entry{}, replyFor(err, 502)
	case e.IsDir():
		return "", Entry{}, replyFor(ErrIsDir, 550)
	case !e.Mode.IsRegular():
		return "", Entry{}, say(550, "Not a regular file")
	}
	return name, e, reply{}
}

// statDir says whether name is a folder as far as the storage can tell:
// upload-only ones take any.
func (c *conn) statDir(ctx context.Context, name string) error {
	if name == "/" {
		return nil
	}
	e, err := c.watched().Stat(ctx, c.facts(), name)
	switch {
	case errors.Is(err, errUnsupported):
		return nil
	case err != nil:
		return err
	case !e.IsDir():
		return ErrNotDir
	}
	return nil
}

// mayName holds the new name of a file against the rules for uploads: renaming
// and copying are no way round them.
func (c *conn) mayName(name string) bool {
	gate := &c.facts().Policy.Gate
	return gate.admitsName(path.Base(name))
}

// makeParents makes what is missing above a file.
func (c *conn) makeParents(dir string) error {
	if dir == "/" {
		return nil
	}
	if c.facts().Policy.Deny&PermMkdir != 0 {
		return nil
	}
	_, err := c.watched().Stat(c.ctx, c.facts(), dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := c.makeParents(path.Dir(dir)); err != nil {
		return err
	}
	if err := c.watched().Mkdir(c.ctx, c.facts(), dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// freeName finds "name.1.ext" and so on.
func (c *conn) freeName(name string, o *StoreOptions) (string, error) {
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	o.Exclusive = true
	for i := range 10_000 {
		next := stem + "." + strconv.Itoa(i+1) + ext
		_, err := c.watched().Stat(c.ctx, c.facts(), next)
		if errors.Is(err, fs.ErrNotExist) {
			return next, nil
		}
		if err != nil {
			return name, err
		}
	}
	return name, fs.ErrExist
}
