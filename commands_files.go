package paradise

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"path"
)

func fileCommands() []*command {
	change := []int{213, 501, 504}
	return []*command{
		{name: "DELE", needs: needLogin | needArg | storage, perm: PermDelete, codes: []int{250}, syntax: "name", ref: "RFC 959, 4.1.3", run: cmdDele},
		{name: "RNFR", needs: needLogin | needArg | storage, perm: PermRename, codes: []int{350}, syntax: "name", ref: "RFC 959, 4.1.3", run: cmdRnfr},
		{name: "RNTO", needs: needLogin | needArg | needRename | storage, perm: PermRename, codes: []int{250, 426}, syntax: "name", ref: "RFC 959, 4.1.3", run: cmdRnto},
		{name: "SIZE", needs: needLogin | needArg | keepsBoth | storage, codes: []int{213}, syntax: "name", feat: "SIZE", ref: "RFC 3659, 4", run: cmdSize},
		{name: "MDTM", needs: needLogin | needArg | keepsBoth | storage, codes: change, syntax: "name", feat: "MDTM", ref: "RFC 3659, 3", run: cmdMdtm},
		{name: "MFMT", needs: needLogin | needArg | keepsOffset | storage, perm: PermTimes, feature: FeatureSetTime, codes: change, syntax: "time name", feat: "MFMT", ref: "draft-somers-ftp-mfxx, 3.1", run: cmdMfmt},
		{name: "MFCT", needs: needLogin | needArg | keepsOffset | storage, perm: PermTimes, feature: FeatureSetCreated, codes: change, syntax: "time name", feat: "MFCT", ref: "draft-somers-ftp-mfxx, 3.2", run: cmdMfct},
		{name: "MFF", needs: needLogin | needArg | keepsOffset | storage, offer: FeatureSetTime, codes: change, syntax: "fact=value; name", ref: "draft-somers-ftp-mfxx, 3.3", run: cmdMff},
		{name: "AVBL", needs: needLogin | keepsBoth | storage, feature: FeatureSpace, codes: []int{213}, syntax: "[folder]", feat: "AVBL", ref: "draft-peterson-streamlined-ftp, 4", run: cmdAvbl},
		{name: "COMB", needs: needLogin | needArg | storage, perm: PermCreate | PermRead | PermDelete, offer: FeatureAppend, codes: []int{250, 426, 501}, syntax: `"target" "part" ["part" ...]`, feat: "COMB target;source_list", ref: "GlobalSCAPE", run: cmdComb},
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
	head, err := headOf(c.ctx, c.watched(), c.facts(), from.name, c.srv.sniffLen())
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

// mayName holds the new name of a file against the rules for uploads: renaming
// and copying are no way round them.
func (c *conn) mayName(name string) bool {
	gate := &c.facts().Policy.Gate
	return gate.admitsName(path.Base(name))
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

// uniqueSuffix makes the name of STOU one that nobody has.
func uniqueSuffix() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
