package paradise

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paradiseftp/paradise/internal/printable"
)

func siteCommands() []*command {
	return []*command{
		{
			name: "SITE", syntax: "command", ref: "RFC 959, 4.1.3",
			needs: needLogin | needArg | storage,
			codes: []int{200, 202, 211, 213, 214, 250, 257, 350, 426, 500, 501, 503, 504},
			run:   cmdSite,
		},
	}
}

func baseSite() []*siteCommand {
	return []*siteCommand{
		{
			name: "HELP", syntax: "[command]",
			keeps: keepsBoth,
			run:   siteHelp,
		},
		{
			name: "UMASK", syntax: "[mask]",
			keeps: keepsBoth, perm: PermSite,
			run: siteUmask,
		},
		{
			name: "IDLE", syntax: "[seconds]",
			keeps: keepsBoth, perm: PermSite,
			run: siteIdle,
		},
		{
			name:  "WHO",
			keeps: keepsBoth, perm: PermSite,
			run: siteWho,
		},
	}
}

// cmdSite dispatches to the second table, and then to that of the mainframes. Unknown
// ones are 500; a quiet profile lets devices have theirs.
func cmdSite(c *conn, arg string) reply {
	verb, rest := splitCommand(arg)
	s := c.env.table.site[verb]
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

func siteHelp(c *conn, arg string) reply { return c.helpSite(strings.ToUpper(arg)) }

func (c *conn) helpSite(name string) reply {
	t := c.env.table
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

// siteUmask cannot change what the storage decides.
func siteUmask(_ *conn, arg string) reply {
	if arg == "" {
		return say(200, "UMASK is set by the storage")
	}
	return say(504, "UMASK is set by the storage")
}

// siteIdle tells or shortens the idle timeout; it cannot be lengthened.
func siteIdle(c *conn, arg string) reply {
	most := c.env.timeouts.Idle
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
	for _, other := range c.env.sessions.all() {
		if o := other.facts(); o.User.Name == s.User.Name && o.Host == s.Host {
			if len(r.lines) > whoLines {
				more++
				continue
			}
			st := other.stats()
			line := fmt.Sprintf("%s %s %s %s",
				st.Short, clock(now.Sub(st.Opened)), o.Remote.Addr(), printable.Text(st.Verb))
			r.lines = append(r.lines, line)
		}
	}
	if more > 0 {
		r.lines = append(r.lines, fmt.Sprintf("... and %d more", more))
	}
	return r
}
