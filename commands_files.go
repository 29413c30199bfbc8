package paradise

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

func fileCommands() []*command {
	change := []int{213, 501, 504}
	return []*command{
		{name: "DELE", needs: needLogin | needArg | storage, perm: PermDelete, codes: []int{250}, syntax: "name", ref: "RFC 959, 4.1.3", run: cmdDele},
		{name: "RNFR", needs: needLogin | needArg | storage, perm: PermRename, codes: []int{350}, syntax: "name", ref: "RFC 959, 4.1.3", run: cmdRnfr},
		{name: "RNTO", needs: needLogin | needArg | needRename | storage, perm: PermRename, codes: []int{250}, syntax: "name", ref: "RFC 959, 4.1.3", run: cmdRnto},
		{name: "SIZE", needs: needLogin | needArg | keepsOffset | storage, codes: []int{213}, syntax: "name", feat: "SIZE", ref: "RFC 3659, 4", run: cmdSize},
		{name: "MDTM", needs: needLogin | needArg | keepsOffset | storage, codes: change, syntax: "name", feat: "MDTM", ref: "RFC 3659, 3", run: cmdMdtm},
		{name: "MFMT", needs: needLogin | needArg | keepsOffset | storage, perm: PermTimes, feature: FeatureSetTime, codes: change, syntax: "time name", feat: "MFMT", ref: "draft-somers-ftp-mfxx, 3.1", run: cmdMfmt},
		{name: "MFCT", needs: needLogin | needArg | keepsOffset | storage, perm: PermTimes, feature: FeatureSetCreated, codes: change, syntax: "time name", feat: "MFCT", ref: "draft-somers-ftp-mfxx, 3.2", run: cmdMfct},
		{name: "MFF", needs: needLogin | needArg | keepsOffset | storage, offer: FeatureSetTime, codes: change, syntax: "fact=value; name", ref: "draft-somers-ftp-mfxx, 3.3", run: cmdMff},
		{name: "AVBL", needs: needLogin | keepsOffset | storage, feature: FeatureSpace, codes: []int{213}, syntax: "[folder]", feat: "AVBL", ref: "draft-peterson-streamlined-ftp, 4", run: cmdAvbl},
		{name: "COMB", needs: needLogin | needArg | storage, perm: PermCreate | PermRead | PermDelete, offer: FeatureAppend, codes: []int{250, 426, 501}, syntax: `"target" "part" ["part" ...]`, feat: "COMB target;source_list", ref: "GlobalSCAPE", run: cmdComb},
	}
}

func cmdDele(c *conn, arg string) reply {
	name, err := c.resolve(arg)
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
	c.params.renameFrom = ""
	name, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	if name == "/" {
		return say(550, "The root can't be renamed")
	}
	e, err := c.files().Stat(c.ctx, c.facts(), name)
	if err != nil && !errors.Is(err, errUnsupported) {
		return replyFor(err, 502)
	}
	c.params.renameFrom, c.params.renameDir = name, err == nil && e.IsDir()
	return say(350, "File exists, send RNTO with the new name")
}

// cmdRnto replaces a file, as clients that upload under a temporary name need.
func cmdRnto(c *conn, arg string) reply {
	from := c.params.renameFrom
	c.params.renameFrom = ""
	to, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	if !c.params.renameDir && !c.mayName(to) {
		return badName(ErrBadName)
	}
	if c.facts().Policy.Deny&PermOverwrite != 0 && c.exists(to) {
		return say(550, "Permission denied: the name is taken")
	}
	if err := c.files().Rename(c.ctx, c.facts(), from, to); err != nil {
		return replyFor(err, 502)
	}
	c.changed("RNTO", to, from)
	return say(250, "File renamed")
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
	e, err := c.files().Stat(c.ctx, c.facts(), name)
	switch {
	case err != nil:
		return "", Entry{}, replyFor(err, 502)
	case e.IsDir():
		return "", Entry{}, replyFor(ErrIsDir, 550)
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

const mdtmLayout = "20060102150405"

// cmdMdtm answers with the time, or sets it: some clients send a time before
// the name. That is done only if the whole argument is no name.
func cmdMdtm(c *conn, arg string) reply {
	name, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	e, err := c.files().Stat(c.ctx, c.facts(), name)
	if errors.Is(err, fs.ErrNotExist) {
		if first, rest, ok := strings.Cut(arg, " "); ok && len(first) == 14 && isDigits(first) {
			return c.setTime("MDTM", first, rest, false)
		}
	}
	switch {
	case err != nil:
		return replyFor(err, 502)
	case e.ModTime.IsZero():
		return say(550, "Time is not known")
	}
	return say(213, e.ModTime.UTC().Format(mdtmLayout))
}

func cmdMfmt(c *conn, arg string) reply {
	stamp, name, _ := strings.Cut(arg, " ")
	return c.setTime("MFMT", stamp, name, false)
}

func cmdMfct(c *conn, arg string) reply {
	stamp, name, _ := strings.Cut(arg, " ")
	return c.setTime("MFCT", stamp, name, true)
}

// parseTime reads YYYYMMDDhhmmss[.sss] in UTC (RFC 3659, 2.3).
func parseTime(s string) (time.Time, error) { return time.Parse(mdtmLayout, s) }

func (c *conn) setTime(verb, stamp, arg string, created bool) reply {
	t, err := parseTime(stamp)
	if err != nil || arg == "" {
		return say(501, "Syntax: "+verb+" YYYYMMDDhhmmss name")
	}
	name, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	if c.facts().Policy.Deny&PermTimes != 0 {
		return say(550, "Permission denied")
	}
	a, fact := Attr{ModTime: t}, "Modify="
	if created {
		a, fact = Attr{Created: t}, "Create="
	}
	if err := c.files().SetAttr(c.ctx, c.facts(), name, a); err != nil {
		return replyFor(err, 502)
	}
	c.changed(verb, name, "")
	return say(213, fact+stamp+"; "+arg)
}

// cmdMff changes several facts at once, all or none.
func cmdMff(c *conn, arg string) reply {
	list, file, ok := strings.Cut(arg, " ")
	if !ok || file == "" || !strings.HasSuffix(list, ";") {
		return say(501, "Syntax: MFF fact=value; name")
	}
	a, needs, r := parseMFF(list)
	if r.code != 0 {
		return r
	}
	if c.facts().Policy.Deny&needs != 0 {
		return say(550, "Permission denied")
	}
	name, err := c.resolve(file)
	if err != nil {
		return badName(err)
	}
	if err := c.files().SetAttr(c.ctx, c.facts(), name, a); err != nil {
		return replyFor(err, 504)
	}
	c.changed("MFF", name, "")
	return say(213, list+" "+file)
}

func parseMFF(list string) (a Attr, needs Perm, r reply) {
	for fact := range strings.SplitSeq(strings.TrimSuffix(list, ";"), ";") {
		name, value, _ := strings.Cut(fact, "=")
		var err error
		switch strings.ToLower(name) {
		case "modify":
			a.ModTime, err = parseTime(value)
			needs |= PermTimes
		case "create":
			a.Created, err = parseTime(value)
			needs |= PermTimes
		case "unix.mode":
			a.Mode, err = parseMode(value)
			a.SetMode = true
			needs |= PermChmod
		case "unix.owner":
			a.Owner = value
			needs |= PermChmod
		case "unix.group":
			a.Group = value
			needs |= PermChmod
		default:
			return a, needs, say(504, "Fact can't be changed")
		}
		if err != nil {
			return a, needs, say(501, "Malformed value of a fact")
		}
	}
	return a, needs, reply{}
}

// parseMode reads an octal mode, permission bits only.
func parseMode(s string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(s, 8, 12)
	return fs.FileMode(n) & fs.ModePerm, err
}

func cmdAvbl(c *conn, arg string) reply {
	name, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	if err := c.statDir(c.ctx, name); err != nil {
		return replyFor(err, 550)
	}
	n, err := c.files().Space(c.ctx, c.facts(), name)
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
