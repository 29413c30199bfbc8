package paradise

import (
	"cmp"
	"io/fs"
	"path"
	"strings"

	"github.com/paradiseftp/paradise/internal/glob"
)

func listCommands() []*command {
	return []*command{
		{
			name: "LIST", syntax: "[options] [name]", ref: "RFC 959, 4.1.3",
			needs: needLogin | needData | storage, perm: PermList,
			codes: []int{150, 226, 426},
			run:   cmdList,
		},
		{
			name: "NLST", syntax: "[options] [name]", ref: "RFC 959, 4.1.3",
			needs: needLogin | needData | storage, perm: PermList,
			codes: []int{150, 226, 426},
			run:   cmdNlst,
		},
		{
			name: "MLSD", syntax: "[folder]", ref: "RFC 3659, 7",
			needs: needLogin | needData | storage, perm: PermList,
			codes: []int{150, 226, 426, 501},
			run:   cmdMlsd,
		},
		{
			name: "MLST", syntax: "[name]", ref: "RFC 3659, 7",
			needs: needLogin | keepsBoth | storage, perm: PermList,
			codes: []int{250},
			run:   cmdMlst,
		},
	}
}

func cmdList(c *conn, arg string) reply {
	flags, name := c.listArgs(arg)
	kind := kindList
	if flags&listOne != 0 && flags&listLong == 0 {
		kind = kindNames
	}
	return c.list("LIST", kind, flags, name)
}

func cmdNlst(c *conn, arg string) reply {
	flags, name := c.listArgs(arg)
	kind := kindNames
	if flags&listLong != 0 {
		kind = kindList
	}
	return c.list("NLST", kind, flags, name)
}

// cmdMlsd takes a folder's name as it stands: no options, no pattern (RFC 3659,
// 7.2).
func cmdMlsd(c *conn, arg string) reply {
	name, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	j := c.listing(name, kindFacts)
	return reply{job: &job{verb: "MLSD", name: name, way: dirListing, run: j.run}}
}

// cmdMlst tells the facts of one name, on the control connection.
func cmdMlst(c *conn, arg string) reply {
	name, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	e, err := c.watched().Stat(c.ctx, c.facts(), name)
	if err != nil {
		return replyFor(err, 502)
	}
	allowed := c.allowed()
	if name == "/" {
		allowed &^= PermRename | PermRmdir // refused to everybody
	}
	facts := string(appendFacts(nil, e, factKindEntry, c.params.facts, allowed))
	return reply{code: 250, text: "End", body: true, lines: []string{"Listing " + quotePath(name), facts + name}}
}

// listArgs takes options off, and spaces where options were left out, unless
// something has the whole of it for its name.
func (c *conn) listArgs(arg string) (flags listFlags, name string) {
	first, _, _ := strings.Cut(arg, "/") // "-a d/../e" names e, where nothing is called "-a d"
	if strings.HasPrefix(arg, "-") && !(c.namesFile(arg) && c.namesFile(first)) {
		flags, arg = parseListArgs(arg)
	}
	if strings.HasPrefix(arg, " ") && !c.namesFile(arg) {
		arg = strings.TrimLeft(arg, " ")
	}
	return flags, arg
}

// list prepares LIST and NLST: a folder, a file, or a pattern in the last
// element.
func (c *conn) list(verb string, kind listKind, flags listFlags, arg string) reply {
	name, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	j := c.listing(name, kind)
	j.single, j.order = flags&listDir != 0, flags&listOrder
	prefix, base := namePrefix(arg), cmp.Or(arg, ".")
	last := path.Base(name)
	if glob.HasMeta(last) && !c.exists(name) {
		p := glob.Compile(last)
		j.pattern, j.single = &p, false // what matches stands for itself in any case
		j.name = path.Dir(name)
		prefix = arg[:strings.LastIndexByte(strings.TrimRight(arg, "/"), '/')+1]
		base = prefix
		if c.facts().Policy.Device.NLSTNoMatch550 {
			j.noMatch = fs.ErrNotExist
		}
	}
	if kind == kindNames && !c.facts().Policy.Device.NLSTNamesOnly {
		j.prefix = prefix
	}
	if flags&listRecursive != 0 && !j.single {
		j.recurse(verb == "NLST" && kind == kindNames, base)
	}
	return reply{job: &job{verb: verb, name: name, way: dirListing, run: j.run}}
}

func (c *conn) listing(name string, kind listKind) *listJob {
	return &listJob{
		transfer: c.order(name, dirListing),
		kind:     kind,
		facts:    c.params.facts,
		allowed:  c.allowed(),
		encode:   c.encoder(),
	}
}

// allowed is what the perm fact may promise.
func (c *conn) allowed() Perm {
	allowed := ^c.facts().Policy.Deny
	if c.features()&FeatureAppend == 0 {
		allowed &^= PermAppend
	}
	return allowed
}

// encoder is encode with the session's state of now.
func (c *conn) encoder() func([]byte) []byte {
	if !c.legacy() {
		return nil
	}
	return c.encode
}

// namePrefix makes NLST's names relative to its argument, so that "mget dir/*"
// finds them.
func namePrefix(arg string) string {
	switch {
	case arg == "" || arg == "." || arg == "./":
		return ""
	case strings.HasSuffix(arg, "/"):
		return arg
	}
	return arg + "/"
}
