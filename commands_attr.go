package paradise

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

func attrCommands() []*command {
	return []*command{
		{
			name: "MDTM", syntax: "name", feat: "MDTM", ref: "RFC 3659, 3",
			needs: needLogin | needArg | keepsBoth | storage,
			codes: []int{213, 501, 504},
			run:   cmdMdtm,
		},
		{
			name: "MFMT", syntax: "time name", feat: "MFMT", ref: "draft-somers-ftp-mfxx, 3.1",
			needs: needLogin | needArg | keepsOffset | storage, perm: PermTimes, feature: FeatureSetTime,
			codes: []int{213, 501, 504},
			run:   cmdMfmt,
		},
		{
			name: "MFCT", syntax: "time name", feat: "MFCT", ref: "draft-somers-ftp-mfxx, 3.2",
			needs: needLogin | needArg | keepsOffset | storage, perm: PermTimes, feature: FeatureSetCreated,
			codes: []int{213, 501, 504},
			run:   cmdMfct,
		},
		{
			name: "MFF", syntax: "fact=value; name", ref: "draft-somers-ftp-mfxx, 3.3",
			needs: needLogin | needArg | keepsOffset | storage, offer: FeatureSetTime,
			codes: []int{213, 501, 504},
			run:   cmdMff,
		},
	}
}

func attrSite() []*siteCommand {
	return []*siteCommand{
		{
			name: "CHMOD", syntax: "mode name",
			args: 2, perm: PermChmod, feature: FeatureSetMode,
			run: siteChmod,
		},
		{
			name: "UTIME", syntax: "time name",
			args: 2, perm: PermTimes, feature: FeatureSetTime,
			run: siteUtime,
		},
	}
}

const mdtmLayout = "20060102150405"

// cmdMdtm answers with the time, or sets it: some clients send a time before
// the name. That is done only if the whole argument is no name.
func cmdMdtm(c *conn, arg string) reply {
	name, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	e, err := c.watched().Stat(c.ctx, c.facts(), name)
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

var (
	errTime = errors.New("paradise: malformed time")
	errYear = errors.New("paradise: no year whose times storage can keep")
)

// parseTime reads YYYYMMDDhhmmss[.sss] in UTC (RFC 3659, 2.3). A leap second is
// the one after it, as in the time of computers. Years at whose times nanoseconds
// since 1970 overflow are refused: storage would keep another time.
func parseTime(s string) (time.Time, error) {
	whole, fraction, parted := strings.Cut(s, ".")
	if len(whole) != len(mdtmLayout) || !isDigits(whole) || parted && !isDigits(fraction) {
		return time.Time{}, errTime // time.Parse takes a comma too
	}
	minute, leap := strings.CutSuffix(whole, "60")
	if leap {
		whole = minute + "59"
	}
	if parted {
		whole += "." + fraction
	}
	t, err := time.Parse(mdtmLayout, whole)
	if err != nil {
		return time.Time{}, err
	}
	if leap {
		t = t.Add(time.Second)
	}
	if t.Year() < 1678 || t.Year() > 2261 {
		return time.Time{}, errYear
	}
	return t, nil
}

// timeText is t as a reply tells it: what was asked for, or the same without a
// leap second and without what is finer than nanoseconds.
func timeText(t time.Time, asked string) string {
	whole, fraction, parted := strings.Cut(asked, ".")
	if !parted {
		return t.Format(mdtmLayout)
	}
	if !strings.HasSuffix(whole, "60") && len(fraction) <= 9 {
		return asked
	}
	digits := strings.Repeat("0", min(len(fraction), 9))
	return t.Format(mdtmLayout + "." + digits)
}

func (c *conn) setTime(verb, stamp, arg string, created bool) reply {
	t, err := parseTime(stamp)
	switch {
	case errors.Is(err, errYear):
		return say(501, "Year must be 1678 to 2261")
	case err != nil || arg == "":
		return say(501, "Syntax: "+verb+" YYYYMMDDhhmmss name")
	}
	name, err := c.changeable(arg)
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
	if err := c.watched().SetAttr(c.ctx, c.facts(), name, a); err != nil {
		return replyFor(err, 502)
	}
	c.changed(verb, name, "")
	return say(213, fact+timeText(t, stamp)+"; "+arg)
}

// cmdMff changes several facts at once, all or none.
func cmdMff(c *conn, arg string) reply {
	list, file, ok := strings.Cut(arg, " ")
	if !ok || file == "" || !strings.HasSuffix(list, ";") {
		return say(501, "Syntax: MFF fact=value; name")
	}
	change, r := parseMFF(list)
	if r.code != 0 {
		return r
	}
	if c.facts().Policy.Deny&change.needs != 0 {
		return say(550, "Permission denied")
	}
	name, err := c.changeable(file)
	if err != nil {
		return badName(err)
	}
	if err := c.watched().SetAttr(c.ctx, c.facts(), name, change.attr); err != nil {
		return replyFor(err, 504)
	}
	c.changed("MFF", name, "")
	return say(213, change.told+" "+file)
}

// factChange is what MFF asks for.
type factChange struct {
	attr  Attr
	needs Perm
	told  string // the list as the reply tells it
}

func parseMFF(list string) (factChange, reply) {
	var change factChange
	seen := make(map[string]bool)
	for fact := range strings.SplitSeq(strings.TrimSuffix(list, ";"), ";") {
		name, value, _ := strings.Cut(fact, "=")
		key := strings.ToLower(name)
		told, known, ok := change.set(key, value)
		switch {
		case !known:
			return change, say(504, "Fact can't be changed: "+name)
		case !ok:
			return change, say(501, "Malformed value of a fact")
		case seen[key]:
			return change, say(501, "A fact stands there twice")
		}
		seen[key] = true
		change.told += name + "=" + told + ";"
	}
	return change, reply{}
}

// set takes one fact, its name in lower case, and returns its value as the reply
// tells it. An empty owner would change nothing, so it is malformed.
func (f *factChange) set(name, value string) (told string, known, ok bool) {
	var err error
	switch name {
	case "modify":
		f.attr.ModTime, err = parseTime(value)
		f.needs |= PermTimes
		return timeText(f.attr.ModTime, value), true, err == nil
	case "create":
		f.attr.Created, err = parseTime(value)
		f.needs |= PermTimes
		return timeText(f.attr.Created, value), true, err == nil
	case "unix.mode":
		f.attr.Mode, err = parseMode(value)
		f.attr.SetMode = true
		f.needs |= PermChmod
		return value, true, err == nil
	case "unix.owner":
		f.attr.Owner = value
		f.needs |= PermChmod
		return value, true, value != ""
	case "unix.group":
		f.attr.Group = value
		f.needs |= PermChmod
		return value, true, value != ""
	}
	return "", false, false
}

// parseMode reads an octal mode of permission bits; others would be dropped.
func parseMode(s string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(s, 8, 9)
	return fs.FileMode(n), err
}

func siteChmod(c *conn, arg string) reply {
	digits, file, _ := strings.Cut(arg, " ")
	mode, err := parseMode(digits)
	if err != nil {
		return say(501, "Mode must be octal, 777 at most")
	}
	return c.setAttr("SITE CHMOD", file, Attr{SetMode: true, Mode: mode}, "Mode changed")
}

// siteUtime takes "time name", and the older "name atime mtime ctime UTC".
func siteUtime(c *conn, arg string) reply {
	stamp, file, _ := strings.Cut(arg, " ")
	if f := strings.Fields(arg); len(f) >= 5 && strings.EqualFold(f[len(f)-1], "UTC") && isDigits(f[len(f)-3]) {
		stamp = f[len(f)-3]
		file = strings.TrimSuffix(arg, strings.Join(f[len(f)-4:], " "))
		file = strings.TrimSuffix(file, " ")
	}
	if len(stamp) == len("200601021504") {
		stamp += "00"
	}
	t, err := parseTime(stamp)
	if err != nil {
		return say(501, "Time must be YYYYMMDDhhmm[ss]")
	}
	return c.setAttr("SITE UTIME", file, Attr{ModTime: t}, "Time changed")
}

func (c *conn) setAttr(verb, arg string, a Attr, done string) reply {
	name, err := c.changeable(arg)
	if err != nil {
		return badName(err)
	}
	if err := c.watched().SetAttr(c.ctx, c.facts(), name, a); err != nil {
		return replyFor(err, 504)
	}
	c.changed(verb, name, "")
	return say(200, done)
}
