package paradise

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
)

func folderCommands() []*command {
	return withOldNames([]*command{
		{
			name: "CWD", syntax: "[folder]", ref: "RFC 959, 4.1.1",
			needs: needLogin | keepsSource | storage,
			codes: []int{250},
			run:   cmdCwd,
		},
		{
			name: "CDUP", ref: "RFC 959, 4.1.1",
			needs: needLogin | keepsSource | storage,
			codes: []int{250},
			run:   cmdCdup,
		},
		{
			name: "PWD", ref: "RFC 959, 4.1.3",
			needs: needLogin | keepsBoth,
			codes: []int{257},
			run:   cmdPwd,
		},
		{
			name: "MKD", syntax: "folder", ref: "RFC 959, 4.1.3",
			needs: needLogin | needArg | storage, perm: PermMkdir,
			codes: []int{257},
			run:   cmdMkd,
		},
		{
			name: "RMD", syntax: "folder", ref: "RFC 959, 4.1.3",
			needs: needLogin | needArg | storage, perm: PermRmdir,
			codes: []int{250, 426},
			run:   cmdRmd,
		},
		{
			name: "RMDA", syntax: "folder", ref: "Serv-U",
			needs: needLogin | needArg | storage, perm: PermRmdir | PermDelete,
			codes: []int{250, 426},
			run:   cmdRmda,
		},
	})
}

// withOldNames adds the experimental names that old clients use (RFC 1123, 4.1.3.1).
func withOldNames(rows []*command) []*command {
	old := map[string]string{"CWD": "XCWD", "CDUP": "XCUP", "PWD": "XPWD", "MKD": "XMKD", "RMD": "XRMD"}
	for _, row := range rows {
		if name := old[row.name]; name != "" {
			rows = append(rows, &command{
				name: name, syntax: row.syntax, ref: "RFC 1123, 4.1.3.1",
				needs: row.needs, perm: row.perm,
				codes: row.codes,
				run:   row.run,
			})
		}
	}
	return rows
}

func folderSite() []*siteCommand {
	return []*siteCommand{
		{
			name: "MKDIR", syntax: "folder",
			args: 1, perm: PermMkdir,
			run: cmdMkd,
		},
		{
			name: "RMDIR", syntax: "folder",
			args: 1, perm: PermRmdir,
			run: cmdRmd,
		},
	}
}

// cmdCwd without an argument, or with "~", goes home.
func cmdCwd(c *conn, arg string) reply {
	if arg == "" || arg == "~" && !c.namesFile(arg) {
		arg = path.Clean("/" + c.facts().User.Home)
	}
	name, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	return c.changeTo(name)
}

// cmdCdup stays at the root with 250, as clients expect.
func cmdCdup(c *conn, _ string) reply { return c.changeTo(path.Dir(c.params.cwd)) }

func (c *conn) changeTo(name string) reply {
	if err := c.statDir(c.ctx, name); err != nil {
		return replyFor(err, 550)
	}
	c.params.cwd = name
	return say(250, "Directory changed to "+quotePath(name))
}

func cmdPwd(c *conn, _ string) reply {
	return say(257, quotePath(c.params.cwd)+" is the current directory")
}

func cmdMkd(c *conn, arg string) reply {
	name, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	device := &c.facts().Policy.Device
	if device.MakeParents {
		if err := c.makeParents(path.Dir(name)); err != nil {
			return replyFor(err, 502)
		}
	}
	err = c.watched().Mkdir(c.ctx, c.facts(), name)
	switch {
	case errors.Is(err, fs.ErrExist) && device.MkdExistingOK && c.statDir(c.ctx, name) == nil:
	case err != nil:
		return replyFor(err, 502)
	default:
		c.changed("MKD", name, "")
	}
	return say(257, quotePath(name)+" created")
}

// cmdRmd takes "-r" for whole folders, behind the permissions that RMDA needs.
func cmdRmd(c *conn, arg string) reply {
	if tree, ok := strings.CutPrefix(arg, "-r "); ok && !c.namesFile(arg) {
		if c.facts().Policy.Deny&PermDelete != 0 {
			return say(550, "Permission denied")
		}
		return cmdRmda(c, tree)
	}
	name, err := c.changeable(arg)
	if err != nil {
		return badName(err)
	}
	if err := c.watched().RemoveDir(c.ctx, c.facts(), name); err != nil {
		return replyFor(err, 502)
	}
	c.changed("RMD", name, "")
	return say(250, "Directory removed")
}

// cmdRmda removes a folder with all it holds, where the policy grants it.
func cmdRmda(c *conn, arg string) reply {
	if !c.facts().Policy.GrantTree {
		return say(550, "Permission denied")
	}
	name, err := c.changeable(arg)
	if err != nil {
		return badName(err)
	}
	s, files := c.facts(), c.files()
	return reply{job: &job{verb: "RMDA", name: name, run: func(x *xfer) reply {
		watched := x.watched(files)
		err := watched.RemoveDir(x.ctx, s, name) // a link is ErrNotDir: where it leads is no part of the tree
		if errors.Is(err, ErrNotEmpty) {
			err = removeTree(x, watched, s, name, 0)
		}
		if err != nil {
			return replyFor(x.reason(err), 502)
		}
		c.changed("RMDA", name, "")
		return say(250, "Directory removed")
	}}}
}

// removeTree works in batches, so that it neither removes beside a running
// listing nor holds a large folder in memory.
func removeTree(x *xfer, files FileDriver, s *Session, dir string, depth int) error {
	if depth > treeDepth {
		return ErrNotEmpty
	}
	for {
		batch, err := firstEntries(x.ctx, files, s, dir)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			return files.RemoveDir(x.ctx, s, dir)
		}
		for _, e := range batch {
			name := path.Join(dir, e.name)
			if e.dir {
				err = removeTree(x, files, s, name, depth+1)
			} else {
				err = files.Remove(x.ctx, s, name)
			}
			if err != nil {
				return err
			}
		}
	}
}

// Each level of a tree holds so many names at most.
const (
	batchMost = 256
	batchRoom = 8 << 10 // bytes
)

type treeEntry struct {
	name string
	dir  bool
}

func firstEntries(ctx context.Context, files FileDriver, s *Session, dir string) ([]treeEntry, error) {
	l, err := files.List(ctx, s, dir)
	if err != nil {
		return nil, err
	}
	var batch []treeEntry
	room := batchRoom
	for e, err := range l {
		if err != nil {
			return nil, err
		}
		batch = append(batch, treeEntry{strings.Clone(e.Name), e.IsDir()})
		if room -= len(e.Name); room <= 0 || len(batch) == batchMost {
			break
		}
	}
	return batch, ctx.Err()
}
