package paradise

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"strings"
)

func transferCommands() []*command {
	return []*command{
		{
			name: "STOR", syntax: "name", ref: "RFC 959, 4.1.3",
			needs: needLogin | needArg | needData | storage, anyPerm: permStore,
			codes: []int{150, 226, 426, 504},
			run:   cmdStor,
		},
		{
			name: "STOU", syntax: "[name]", ref: "RFC 959, 4.1.3",
			needs: needLogin | needData | storage, perm: PermCreate,
			codes: []int{150, 226, 426, 504},
			run:   cmdStou,
		},
		{
			name: "APPE", syntax: "name", ref: "RFC 959, 4.1.3",
			needs: needLogin | needArg | needData | storage, anyPerm: permStore, offer: FeatureAppend,
			codes: []int{150, 226, 426, 503, 504},
			run:   cmdAppe,
		},
		{
			name: "RETR", syntax: "name", ref: "RFC 959, 4.1.3",
			needs: needLogin | needArg | needData | storage, perm: PermRead,
			codes: []int{150, 226, 426, 504},
			run:   cmdRetr,
		},
		{
			name: "ABOR", ref: "RFC 959, 4.1.3",
			needs: needLogin,
			codes: []int{226},
			run:   cmdAbor,
		},
	}
}

// permStore is what STOR and APPE need one of; which one depends on the target.
const permStore = PermCreate | PermOverwrite | PermAppend

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
		digest:   newDigester(policy.Digests&c.env.table.digests | c.expected()),
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
