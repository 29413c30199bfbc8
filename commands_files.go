package paradise

import (
	"context"
	"errors"
	"path"
)

func fileCommands() []*command {
	return []*command{
		{
			name: "DELE", syntax: "name", ref: "RFC 959, 4.1.3",
			needs: needLogin | needArg | storage, perm: PermDelete,
			codes: []int{250},
			run:   cmdDele,
		},
		{
			name: "RNFR", syntax: "name", ref: "RFC 959, 4.1.3",
			needs: needLogin | needArg | storage, perm: PermRename,
			codes: []int{350},
			run:   cmdRnfr,
		},
		{
			name: "RNTO", syntax: "name", ref: "RFC 959, 4.1.3",
			needs: needLogin | needArg | needRename | storage, perm: PermRename,
			codes: []int{250, 426},
			run:   cmdRnto,
		},
		{
			name: "SIZE", syntax: "name", feat: "SIZE", ref: "RFC 3659, 4",
			needs: needLogin | needArg | keepsBoth | storage,
			codes: []int{213},
			run:   cmdSize,
		},
		{
			name: "AVBL", syntax: "[folder]", feat: "AVBL", ref: "draft-peterson-streamlined-ftp, 4",
			needs: needLogin | keepsBoth | storage, feature: FeatureSpace,
			codes: []int{213},
			run:   cmdAvbl,
		},
	}
}

func cmdDele(c *conn, arg string) reply {
	name, err := c.changeable(arg)
	if err != nil {
		return badName(err)
	}
	if err := c.files().Remove(c.ctx, c.facts(), name); err != nil {
		return replyFor(err, 502)
	}
	c.changed("DELE", name, "")
	return say(250, "File removed")
}

func cmdRnfr(c *conn, arg string) reply {
	name, err := c.changeable(arg)
	if err != nil {
		return badName(err)
	}
	e, err := c.watched().Stat(c.ctx, c.facts(), name)
	if err != nil && !errors.Is(err, errUnsupported) && !c.isLink(name) {
		return replyFor(err, 502)
	}
	c.params.source = &source{name: name, dir: err == nil && e.IsDir()}
	return say(350, "File exists, send RNTO with the new name")
}

// cmdRnto replaces a file, as clients that upload under a temporary name need.
func cmdRnto(c *conn, arg string) reply {
	from := c.params.sourceOf(false)
	to, err := c.changeable(arg)
	if err != nil {
		return badName(err)
	}
	o := RenameOptions{NoReplace: c.facts().Policy.Deny&PermOverwrite != 0}
	if err := c.mayBecome(from, to, &o); err != nil {
		return replyFor(err, 502)
	}
	if o.NoReplace && c.exists(to) {
		return say(550, "Permission denied: the name is taken")
	}
	s, files := c.facts(), c.files()
	err = c.watched().Rename(context.WithValue(c.ctx, stepKey{}, stepLater), s, from.name, to, o)
	if errors.Is(err, errLater) {
		return reply{job: &job{verb: "RNTO", name: to, run: func(x *xfer) reply {
			err := x.watched(files).Rename(x.stepping(), s, from.name, to, o)
			if err != nil {
				err = x.reason(err)
			}
			return c.renamed(from.name, to, err)
		}}}
	}
	return c.renamed(from.name, to, err)
}

// errLater is what the first Step of a Rename fails with while the session waits for
// it: one that moves bytes runs beside the session.
var errLater = errors.New("paradise: rename moves bytes")

func stepLater() error { return errLater }

func (c *conn) renamed(from, to string, err error) reply {
	if err != nil {
		return replyFor(err, 502)
	}
	c.changed("RNTO", to, from)
	return say(250, "File renamed")
}

// mayBecome holds the new name of what RNFR named against the rules for files. A folder
// may have any, as long as it is one when it moves.
func (c *conn) mayBecome(from *source, to string, o *RenameOptions) error {
	gate := &c.facts().Policy.Gate
	switch {
	case from.dir:
		o.Folder = !c.mayName(to) || gate.MatchExtension
		return nil
	case !c.mayName(to):
		return ErrBadName
	case !gate.MatchExtension:
		return nil
	}
	e, err := c.watched().Stat(c.ctx, c.facts(), from.name)
	if err != nil && !isUnsupported(err) {
		return err
	}
	o.Version = e.Version // of the file that is looked at
	head, err := headOf(c.ctx, c.watched(), c.facts(), from.name, c.env.sniffLen)
	if err != nil {
		return err
	}
	info := UploadInfo{}
	info.setType(head)
	if !info.typeOf().FitsExtension(path.Base(to)) {
		return errExtension(info)
	}
	return nil
}

// cmdSize: in ASCII type the size on the wire is not known (RFC 3659, 4.1).
func cmdSize(c *conn, arg string) reply {
	if c.converts() && !c.facts().Policy.Device.SizeInASCII {
		return say(550, "SIZE is not known in ASCII type, use TYPE I")
	}
	_, e, r := c.regular(arg)
	switch {
	case r.code != 0:
		return r
	case e.Size < 0:
		return say(550, "Size is not known")
	}
	return say(213, itoa(e.Size))
}

func cmdAvbl(c *conn, arg string) reply {
	name, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	if err := c.statDir(c.ctx, name); err != nil {
		return replyFor(err, 550)
	}
	n, err := c.watched().Space(c.ctx, c.facts(), name)
	if err != nil {
		return replyFor(err, 502)
	}
	return say(213, itoa(max(n, 0)))
}
