package paradise

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/paradiseftp/paradise/internal/zstream"
)

func infoCommands() []*command {
	return []*command{
		{
			name: "NOOP", ref: "RFC 959, 4.1.3",
			needs: early | urgent | keepsBoth,
			codes: []int{200},
			run:   cmdNoop,
		},
		{
			name: "SYST", ref: "RFC 959, 4.1.3",
			needs: early | keepsBoth,
			codes: []int{215},
			run:   cmdSyst,
		},
		{
			name: "HELP", syntax: "[command]", ref: "RFC 959, 4.1.3",
			needs: early | keepsBoth,
			codes: []int{211, 214, 501, 502},
			run:   cmdHelp,
		},
		{
			name: "FEAT", ref: "RFC 2389, 3",
			needs: early | keepsBoth,
			codes: []int{211, 501},
			run:   cmdFeat,
		},
		{
			name: "OPTS", syntax: "command [options]", ref: "RFC 2389, 4",
			needs: needArg | early | keepsBoth,
			codes: []int{200, 451, 501},
			run:   cmdOpts,
		},
		{
			name: "CLNT", syntax: "name", feat: "CLNT", ref: "draft-peterson-streamlined-ftp",
			needs: needArg | early | keepsBoth,
			codes: []int{200},
			run:   cmdClnt,
		},
		{
			name: "CSID", syntax: "Name=...; Version=...;", feat: "CSID", ref: "draft-peterson-streamlined-ftp",
			needs: needArg | early | keepsBoth,
			codes: []int{200},
			run:   cmdCsid,
		},
		{
			name: "LANG", syntax: "[tag]", feat: "LANG EN*", ref: "RFC 2640, 4.1",
			needs: early | keepsBoth,
			codes: []int{200, 501, 504},
			run:   cmdLang,
		},
	}
}

func cmdNoop(*conn, string) reply { return say(200, "OK") }

// cmdSyst: clients choose their LIST parser by these very words.
func cmdSyst(*conn, string) reply { return say(215, "UNIX Type: L8") }

func cmdClnt(*conn, string) reply { return say(200, "Noted") }

func cmdCsid(*conn, string) reply { return say(200, "Name=Paradise;") }

func cmdLang(_ *conn, arg string) reply {
	tag := strings.ToUpper(strings.TrimSpace(arg))
	switch {
	case tag != "" && !languageTag.MatchString(tag):
		return say(501, "Malformed language tag")
	case tag == "" || tag == "EN" || strings.HasPrefix(tag, "EN-"):
		return say(200, "Replies are in English")
	}
	return say(504, "Language not available, use EN")
}

// languageTag is the form of RFC 2640, 4.3, and digits as later tags have them.
var languageTag = regexp.MustCompile(`^[A-Z]{1,8}(-[A-Z0-9]{1,8})*$`)

func cmdHelp(c *conn, arg string) reply {
	t := c.env.table
	name := strings.ToUpper(strings.TrimSpace(arg))
	if rest, ok := strings.CutPrefix(name, "SITE "); ok {
		return c.helpSite(strings.TrimSpace(rest))
	}
	if name == "" {
		r := reply{code: 214, text: "Help ok", body: true, lines: []string{"Commands known here:"}}
		r.lines = append(r.lines, columns(c.listed())...)
		return r
	}
	cmd := t.rows[name]
	if cmd == nil || !c.offered(cmd, c.features()) {
		return say(502, "Unknown command")
	}
	return say(214, strings.TrimSpace("Syntax: "+name+" "+cmd.syntax))
}

// listed are the verbs that HELP names: those that work.
func (c *conn) listed() []string {
	t := c.env.table
	can := c.features()
	return slices.DeleteFunc(slices.Clone(t.names), func(name string) bool { return !c.offered(t.rows[name], can) })
}

// offered reports whether FEAT and HELP speak of a verb: what does not work is
// not advertised.
func (c *conn) offered(cmd *command, can Features) bool {
	switch {
	case cmd.needs&unlisted != 0, can&cmd.feature != cmd.feature, cmd.offer != 0 && can&cmd.offer == 0:
		return false
	case cmd.digest&^c.env.table.digests != 0:
		return false
	}
	switch cmd.name {
	case "AUTH":
		return c.env.tls != nil
	case "PBSZ", "PROT":
		return c.env.tls != nil
	case "HOST":
		return len(c.env.hosts) > 0
	case "EPSV":
		return !c.env.passive.NoEPSV
	case "PORT", "EPRT", "LPRT":
		return !c.env.active.Disable
	case "RMDA":
		return c.facts().Policy.GrantTree
	}
	return true
}

func columns(names []string) []string {
	var lines []string
	for chunk := range slices.Chunk(names, 8) {
		line := ""
		for _, name := range chunk {
			line += name + strings.Repeat(" ", max(1, 8-len(name)))
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// cmdFeat lists what goes beyond RFC 959 and works here (RFC 2389, 3.2). MLSD
// has no line of its own (RFC 3659, 7.8).
func cmdFeat(c *conn, arg string) reply {
	if strings.TrimSpace(arg) != "" {
		return say(501, "FEAT takes no argument")
	}
	t := c.env.table
	lines := []string{"UTF8", "TVFS", featMLST(c.params.facts), c.featHash()}
	can := c.features()
	for _, name := range t.names {
		if row := t.rows[name]; row.feat != "" && c.offered(row, can) {
			lines = append(lines, row.feat)
		}
	}
	if mff := c.featMFF(); mff != "" {
		lines = append(lines, mff)
	}
	if c.env.tls != nil {
		lines = append(lines, "AUTH TLS", "PBSZ", "PROT")
	}
	if len(c.env.hosts) > 0 {
		lines = append(lines, "HOST")
	}
	slices.Sort(lines)
	return reply{code: 211, text: "End", body: true, lines: append([]string{"Features:"}, lines...)}
}

// featMFF names the facts that MFF can change.
func (c *conn) featMFF() string {
	f := c.features()
	text := ""
	for _, fact := range []struct {
		need Features
		name string
	}{
		{FeatureSetTime, "Modify;"},
		{FeatureSetCreated, "Create;"},
		{FeatureSetMode, "UNIX.mode;"},
		{FeatureSetOwner, "UNIX.owner;UNIX.group;"},
	} {
		if f&fact.need != 0 {
			text += fact.name
		}
	}
	if text == "" {
		return ""
	}
	return "MFF " + text
}

func cmdOpts(c *conn, arg string) reply {
	verb, rest := splitCommand(arg)
	rest = strings.TrimSpace(rest)
	switch verb {
	case "UTF8", "UTF-8":
		return c.optsUTF8(strings.ToUpper(rest))
	case "MLST":
		facts, ok := parseOptsMLST(rest)
		if !ok {
			return say(501, "Malformed list of facts")
		}
		c.params.facts = facts
		return say(200, optsMLSTReply(facts))
	case "HASH":
		return c.optsHash(rest)
	case "MODE":
		return c.optsMode(strings.ToUpper(rest))
	}
	return say(501, "Option not known")
}

func (c *conn) optsUTF8(value string) reply {
	switch value {
	case "", "ON", "NLST":
		c.params.charset = charsetUTF8
		return say(200, "UTF8 is on")
	case "OFF":
		if c.facts().Policy.Charset == nil {
			return say(200, "UTF8 is off, names pass unchanged")
		}
		c.params.charset = charsetOther
		return say(200, "UTF8 is off")
	}
	return say(501, "Syntax: OPTS UTF8 ON|OFF")
}

// optsMode takes "Z LEVEL n" (draft-preston-ftpext-deflate).
func (c *conn) optsMode(arg string) reply {
	f := strings.Fields(arg)
	if len(f) == 1 && f[0] == "Z" {
		c.params.level = zstream.DefaultLevel
		return say(200, "MODE Z LEVEL set to "+strconv.Itoa(int(c.params.level)))
	}
	if len(f) != 3 || f[0] != "Z" || f[1] != "LEVEL" {
		return say(501, "Syntax: OPTS MODE Z LEVEL 1-9")
	}
	level, err := strconv.Atoi(f[2])
	if err != nil || level < 1 || level > 9 {
		return say(501, "Level is 1 to 9")
	}
	c.params.level = int8(level)
	return say(200, "MODE Z LEVEL set to "+f[2])
}
