package paradise

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/paradiseftp/paradise/internal/vpath"
)

func transferCommands() []*command {
	end := []int{150, 226, 426}
	store := append(end, 504)
	return []*command{
		{name: "STOR", needs: needLogin | needArg | needData | storage, anyPerm: permStore, codes: store, syntax: "name", ref: "RFC 959, 4.1.3", run: cmdStor},
		{name: "STOU", needs: needLogin | needData | storage, perm: PermCreate, codes: store, syntax: "[name]", ref: "RFC 959, 4.1.3", run: cmdStou},
		{name: "APPE", needs: needLogin | needArg | needData | storage, anyPerm: permStore, offer: FeatureAppend, codes: slices.Concat(store, []int{503}), syntax: "name", ref: "RFC 959, 4.1.3", run: cmdAppe},
		{name: "RETR", needs: needLogin | needArg | needData | storage, perm: PermRead, codes: slices.Concat(end, []int{504}), syntax: "name", ref: "RFC 959, 4.1.3", run: cmdRetr},
		{name: "LIST", needs: needLogin | needData | storage, perm: PermList, codes: end, syntax: "[options] [name]", ref: "RFC 959, 4.1.3", run: cmdList},
		{name: "NLST", needs: needLogin | needData | storage, perm: PermList, codes: end, syntax: "[options] [name]", ref: "RFC 959, 4.1.3", run: cmdNlst},
		{name: "MLSD", needs: needLogin | needData | storage, perm: PermList, codes: append(end, 501), syntax: "[folder]", ref: "RFC 3659, 7", run: cmdMlsd},
		{name: "ABOR", needs: needLogin, codes: []int{226}, ref: "RFC 959, 4.1.3", run: cmdAbor},
	}
}

// permStore is what STOR and APPE need one of; which one depends on the target.
const permStore = PermCreate | PermOverwrite | PermAppend

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

func cmdStor(c *conn, arg string) reply { return c.upload("STOR", arg, StoreOptions{}) }

// cmdAppe appends, or creates. REST before it names the place where the client
// believes the end to be: FileZilla resumes so, and that is a STOR.
func cmdAppe(c *conn, arg string) reply {
	if c.params.offset > 0 {
		return c.upload("APPE", arg, StoreOptions{})
	}
	return c.upload("APPE", arg, StoreOptions{Append: true})
}

// upload prepares the job of STOR, APPE and STOU.
func (c *conn) upload(verb, arg string, o StoreOptions) reply {
	name, err := c.changeable(arg)
	if err != nil {
		return badName(err)
	}
	if c.params.rangeEnd >= 0 {
		c.params.clearOffset()
		return say(504, "RANG is for downloads, use REST")
	}
	if o.Offset = c.params.offset; o.Offset > 0 && c.converts() {
		c.params.clearOffset()
		return say(504, "REST is not possible in ASCII type, use TYPE I")
	}
	o.SizeHint, c.params.allocated = c.params.allocated, 0
	policy := &c.facts().Policy
	if policy.MaxFileSize > 0 && o.SizeHint > policy.MaxFileSize {
		return replyFor(ErrTooLarge, 502)
	}
	if name, err = c.mayStore(name, &o); err != nil {
		return replyFor(err, 502)
	}
	base := o.Offset
	if o.Append && policy.MaxFileSize > 0 {
		if e, err := c.watched().Stat(c.ctx, c.facts(), name); err == nil {
			base = max(e.Size, 0)
		}
	}
	u := &upload{
		base:     base,
		transfer: c.order(name, dirUpload),
		opts:     o,
		reply:    "Data transfer starting",
		limit:    policy.MaxFileSize,
		digest:   newDigester(policy.Digests&c.srv.state.table.digests | c.expected()),
		expect:   maps.Clone(c.params.expect),
	}
	if policy.RequireALLO {
		u.strict = o.SizeHint
	}
	if verb == "STOU" {
		u.reply = "FILE: " + arg
	}
	c.params.clearOffset()
	c.params.expect = nil
	return reply{job: &job{verb: verb, name: name, way: dirUpload, run: u.run}}
}

// mayStore looks at the target where a permission or a device's habits depend
// on it, and only then: a Stat costs.
func (c *conn) mayStore(name string, o *StoreOptions) (string, error) {
	policy := &c.facts().Policy
	mayCreate := policy.Deny&PermCreate == 0
	if policy.Device.MakeParents && mayCreate {
		if !c.mayName(name) {
			return name, ErrBadName
		}
		if err := c.makeParents(path.Dir(name)); err != nil {
			return name, err
		}
	}
	if policy.Deny&permStore == 0 && !policy.Device.RenameUploads {
		return name, nil
	}
	e, err := c.watched().Stat(c.ctx, c.facts(), name)
	exists := err == nil
	onto := o.onto(e)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errUnsupported):
		return name, err
	case exists && mayCreate && onto == PermOverwrite && policy.Device.RenameUploads:
		return c.freeName(name, o)
	case exists && policy.Deny&onto != 0, !exists && !mayCreate:
		return name, fs.ErrPermission
	}
	// What is there may be gone when the upload ends, and what is not may have come.
	o.Exclusive = o.Exclusive || policy.Deny&onto != 0 || onto == PermOverwrite && policy.Device.RenameUploads
	o.Existing = !mayCreate
	return name, nil
}

// onto is what an upload needs for a file that is there. One that resumes before its end
// replaces the rest.
func (o *StoreOptions) onto(e Entry) Perm {
	switch {
	case o.Offset > 0 && e.Size > o.Offset:
		return PermAppend | PermOverwrite
	case o.Append, o.Offset > 0:
		return PermAppend
	}
	return PermOverwrite
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

// expected are the digests that SITE EXPECT asked for.
func (c *conn) expected() Digest {
	var d Digest
	for kind := range c.params.expect {
		d |= kind
	}
	return d
}

// cmdStou stores under a name that nobody has: the client's own with a suffix,
// or one of ours. RFC 1123, 4.1.2.9: the 150 tells it.
func cmdStou(c *conn, arg string) reply {
	base := strings.TrimSpace(arg)
	if base == "" || strings.HasSuffix(base, "/") {
		base += "ftp"
	}
	return c.upload("STOU", base+"."+uniqueSuffix(), StoreOptions{Exclusive: true})
}

func cmdRetr(c *conn, arg string) reply {
	name, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	if c.params.offset > 0 && c.converts() {
		c.params.clearOffset()
		return say(504, "REST is not possible in ASCII type, use TYPE I")
	}
	d := &download{transfer: c.order(name, dirDownload), kind: c.typeWord()}
	c.params.clearOffset()
	return reply{job: &job{verb: "RETR", name: name, way: dirDownload, run: d.run}}
}

// cmdAbor runs once the transfer it ended has given its own reply, or finds
// none; a data channel that waits is closed (RFC 959, 4.1.3).
func cmdAbor(c *conn, _ string) reply {
	c.dropData()
	return say(226, "Abort successful")
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
