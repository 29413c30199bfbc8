package paradise

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paradiseftp/paradise/internal/printable"
)

// siteCommand is a row behind SITE.
type siteCommand struct {
	name    string
	perm    Perm
	feature Features
	args    int  // at least this many words
	hidden  bool // its argument appears nowhere
	keeps   need // keepsOffset and keepsSource
	syntax  string
	run     func(c *conn, arg string) reply
}

func siteCommands() []*siteCommand {
	return []*siteCommand{
		{name: "HELP", keeps: keepsBoth, syntax: "[command]", run: func(c *conn, arg string) reply { return c.siteHelp(strings.ToUpper(arg)) }},
		{name: "CHMOD", perm: PermChmod, feature: FeatureSetMode, args: 2, syntax: "mode name", run: siteChmod},
		{name: "UTIME", perm: PermTimes, feature: FeatureSetTime, args: 2, syntax: "time name", run: siteUtime},
		{name: "MKDIR", perm: PermMkdir, args: 1, syntax: "folder", run: siteMkdir},
		{name: "RMDIR", perm: PermRmdir, args: 1, syntax: "folder", run: cmdRmd},
		{name: "COPY", perm: PermRead, args: 2, syntax: "from to", run: siteCopy},
		{name: "CPFR", perm: PermRead, args: 1, syntax: "name", run: siteCpfr},
		{name: "CPTO", perm: PermRead, args: 1, syntax: "name", run: siteCpto},
		{name: "EXPECT", keeps: keepsBoth, args: 2, syntax: "function digest", run: siteExpect},
		{name: "UMASK", keeps: keepsBoth, perm: PermSite, syntax: "[mask]", run: siteUmask},
		{name: "IDLE", keeps: keepsBoth, perm: PermSite, syntax: "[seconds]", run: siteIdle},
		{name: "WHO", keeps: keepsBoth, perm: PermSite, run: siteWho},
	}
}

// cmdSite dispatches to the second table, and then to that of the mainframes. Unknown
// ones are 500; a quiet profile lets devices have theirs.
func cmdSite(c *conn, arg string) reply {
	verb, rest := splitCommand(arg)
	s := c.srv.state.table.site[verb]
	if s == nil {
		return c.siteUnknown(arg)
	}
	switch {
	case s.feature != 0 && c.features()&s.feature == 0:
		return say(502, "Not supported by this storage")
	case len(strings.Fields(rest)) < s.args:
		return say(501, "Syntax: SITE "+s.name+" "+s.syntax)
	case c.facts().Policy.Deny&s.perm != 0:
		return say(550, "Permission denied")
	}
	return s.run(c, rest)
}

// siteShown is an argument of SITE without what a hidden command got.
func (t *commandTable) siteShown(arg string) string {
	verb, rest := splitCommand(arg)
	if s := t.site[verb]; s != nil && s.hidden && rest != "" {
		return verb + " " + hiddenArg
	}
	return arg
}

// siteKeeps is what outlives a SITE command. One that is not known changes nothing.
func (t *commandTable) siteKeeps(arg string) need {
	verb, _ := splitCommand(arg)
	if s := t.site[verb]; s != nil {
		return s.keeps
	}
	return keepsBoth
}

func (c *conn) siteUnknown(line string) reply {
	if r, known := siteMainframe(line); known {
		return r
	}
	if c.facts().Policy.Device.QuietSite {
		return say(200, "Noted and ignored")
	}
	return say(500, "SITE command not known")
}

func (c *conn) siteHelp(name string) reply {
	t := c.srv.state.table
	if name != "" {
		if s := t.site[name]; s != nil {
			return say(214, strings.TrimSpace("Syntax: SITE "+s.name+" "+s.syntax))
		}
		return say(501, "SITE command not known")
	}
	var names []string
	can := c.features()
	for _, s := range t.site {
		if can&s.feature == s.feature {
			names = append(names, s.name)
		}
	}
	slices.Sort(names)
	r := reply{code: 214, text: "Help ok", body: true, lines: []string{"SITE commands known here:"}}
	r.lines = append(r.lines, columns(names)...)
	return r
}

func siteChmod(c *conn, arg string) reply {
	digits, file, _ := strings.Cut(arg, " ")
	mode, err := parseMode(digits)
	if err != nil {
		return say(501, "Mode must be octal, 777 at most")
	}
	return c.setAttr("SITE CHMOD", file, Attr{SetMode: true, Mode: mode}, "Mode changed")
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

func siteMkdir(c *conn, arg string) reply { return cmdMkd(c, arg) }

func siteCopy(c *conn, arg string) reply {
	words, ok := quotedWords(arg)
	if !ok || len(words) != 2 {
		return say(501, `Syntax: SITE COPY "from" "to"`)
	}
	from, err := c.resolve(words[0])
	if err != nil {
		return badName(err)
	}
	return c.copy("SITE COPY", from, words[1], 250)
}

func siteCpfr(c *conn, arg string) reply {
	name, _, r := c.regular(arg)
	if r.code != 0 {
		return r
	}
	c.params.source = &source{name: name, copy: true}
	return say(350, "File exists, send SITE CPTO with the new name")
}

func siteCpto(c *conn, arg string) reply {
	from := c.params.sourceOf(true)
	if from == nil {
		return say(503, "CPTO needs CPFR first")
	}
	return c.copy("SITE CPTO", from.name, arg, 250)
}

// copy lets the storage copy, or copies through the outermost driver, so that
// wrappers see every byte.
func (c *conn) copy(verb, from, arg string, code int) reply {
	to, err := c.changeable(arg)
	if err != nil {
		return badName(err)
	}
	if !c.mayName(to) {
		return badName(ErrBadName)
	}
	needed := PermCreate
	if c.facts().Policy.Deny&(PermCreate|PermOverwrite) != 0 && c.exists(to) {
		needed = PermOverwrite
	}
	if c.facts().Policy.Deny&needed != 0 {
		return say(550, "Permission denied")
	}
	s, files := c.facts(), c.files()
	return reply{job: &job{verb: "COPY", name: to, run: func(x *xfer) reply {
		j := &joint{x: x, files: x.watched(files), s: s, target: to, parts: []string{from}}
		j.opts.Exclusive, j.opts.Existing = s.Policy.Deny&PermOverwrite != 0, s.Policy.Deny&PermCreate != 0
		if err := j.copy(); err != nil {
			return replyFor(x.reason(err), 502)
		}
		c.changed(verb, to, from)
		return say(code, "File copied")
	}}}
}

// siteExpect makes the next upload stand or fall with a digest.
func siteExpect(c *conn, arg string) reply {
	f := strings.Fields(arg)
	kind, ok := c.digestNamed(f[0])
	switch {
	case !ok:
		return say(504, "Hash function not known")
	case len(f) != 2 || !isHex(f[1]) || len(f[1]) != len(newDigester(kind).sums()[kind]):
		return say(501, "Syntax: SITE EXPECT function digest-in-hex")
	}
	if c.params.expect == nil {
		c.params.expect = make(map[Digest]string)
	}
	c.params.expect[kind] = strings.ToLower(f[1])
	return say(200, "Expecting "+kind.String()+" of the next upload")
}

func isHex(s string) bool { return strings.Trim(strings.ToLower(s), "0123456789abcdef") == "" }

// siteUmask cannot change what the storage decides.
func siteUmask(_ *conn, arg string) reply {
	if arg == "" {
		return say(200, "UMASK is set by the storage")
	}
	return say(504, "UMASK is set by the storage")
}

// siteIdle tells or shortens the idle timeout; it cannot be lengthened.
func siteIdle(c *conn, arg string) reply {
	most := c.srv.state.timeouts.Idle
	if strings.TrimSpace(arg) == "" {
		return say(200, fmt.Sprintf("Idle timeout is %d seconds", c.idleTimeout()/time.Second))
	}
	n, err := strconv.ParseUint(strings.TrimSpace(arg), 10, 32)
	d := time.Duration(n) * time.Second
	if err != nil || d < 30*time.Second || d > most {
		return say(501, fmt.Sprintf("Idle timeout is 30 to %d seconds", most/time.Second))
	}
	c.params.idle = d
	return say(200, fmt.Sprintf("Idle timeout set to %d seconds", n))
}

// whoLines bounds SITE WHO.
const whoLines = 1000

// siteWho tells a user of the own sessions; others' are nobody's business.
func siteWho(c *conn, _ string) reply {
	s := c.facts()
	r := reply{code: 211, text: "End", body: true, lines: []string{"Sessions of " + s.User.Name}}
	now, more := time.Now(), 0
	for _, other := range c.srv.connections() {
		if o := other.facts(); o.User.Name == s.User.Name && o.Host == s.Host {
			if len(r.lines) > whoLines {
				more++
				continue
			}
			st := other.stats()
			r.lines = append(r.lines, fmt.Sprintf("%s %s %s %s", st.Short, clock(now.Sub(st.Opened)), o.Remote.Addr(), printable.Text(st.Verb)))
		}
	}
	if more > 0 {
		r.lines = append(r.lines, fmt.Sprintf("... and %d more", more))
	}
	return r
}
