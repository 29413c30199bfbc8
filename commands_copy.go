package paradise

import (
	"slices"
	"strings"
)

func copyCommands() []*command {
	return []*command{
		{
			name: "COMB", syntax: `"target" "part" ["part" ...]`, feat: "COMB target;source_list", ref: "GlobalSCAPE",
			needs: needLogin | needArg | storage, perm: PermCreate | PermRead | PermDelete, offer: FeatureAppend,
			codes: []int{250, 426, 501},
			run:   cmdComb,
		},
	}
}

func copySite() []*siteCommand {
	return []*siteCommand{
		{
			name: "COPY", syntax: "from to",
			args: 2, perm: PermRead,
			run: siteCopy,
		},
		{
			name: "CPFR", syntax: "name",
			args: 1, perm: PermRead,
			run: siteCpfr,
		},
		{
			name: "CPTO", syntax: "name",
			args: 1, perm: PermRead,
			run: siteCpto,
		},
	}
}

// combRoom bounds the names of one COMB, in bytes: a line of short names becomes
// much longer in a deep folder.
const combRoom = 256 << 10

// permJoin is what COMB needs for a target that is there: what begins with it is another
// file than it was.
const permJoin = PermOverwrite | PermAppend

// cmdComb joins uploaded parts into one file, as one transaction: the target is
// there whole or not at all, and the parts go only when it is.
func cmdComb(c *conn, arg string) reply {
	words, ok := quotedWords(arg)
	if !ok || len(words) < 2 {
		return say(501, `Syntax: COMB "target" "part" ["part" ...]`)
	}
	names, room := make([]string, len(words)), combRoom
	for i, w := range words {
		name, err := c.changeable(w)
		if err != nil {
			return badName(err)
		}
		if room -= len(name); room < 0 {
			return say(501, "Too many names")
		}
		names[i] = name
	}
	if !c.mayName(names[0]) {
		return badName(ErrBadName)
	}
	exists, twice := c.sameFiles(names)
	switch {
	case twice:
		return say(501, "A file is named twice")
	case exists && c.facts().Policy.Deny&permJoin != 0:
		return say(550, "Permission denied: the name is taken")
	}
	s, files := c.facts(), c.files()
	target, parts := names[0], names[1:]
	appends := exists || c.features()&FeatureAppend != 0
	return reply{job: &job{verb: "COMB", name: target, run: func(x *xfer) reply {
		j := &joint{x: x, files: x.watched(files), s: s, target: target, parts: parts}
		j.opts.Append = appends // to what may have come meanwhile
		j.opts.Exclusive = !appends || s.Policy.Deny&permJoin != 0
		if err := j.run(); err != nil {
			return replyFor(x.reason(err), 502)
		}
		r := j.removeParts()
		c.changed("COMB", target, parts[0])
		return r
	}}}
}

// sameFiles reports whether the first name is taken, and whether two of them lead
// to one file, by way of a link or another letter case: a target that is a part too
// would be removed as one.
func (c *conn) sameFiles(names []string) (exists, twice bool) {
	var found []Entry
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return false, true
		}
		e, err := c.watched().Stat(c.ctx, c.facts(), name)
		if err != nil {
			continue // a part that is missing fails the join
		}
		exists = exists || i == 0
		e.Name = name
		twin := slices.IndexFunc(found, func(f Entry) bool { return sameFile(f, e) })
		if twin >= 0 && c.isStill(found[twin]) {
			return exists, true
		}
		found = append(found, e)
	}
	return exists, false
}

// isStill looks again at a name: another user may have moved its file to the name that
// was looked at next.
func (c *conn) isStill(e Entry) bool {
	now, err := c.watched().Stat(c.ctx, c.facts(), e.Name)
	now.Name = e.Name
	return err == nil && sameFile(now, e)
}

// sameFile compares by identity where the storage tells it.
func sameFile(a, b Entry) bool {
	if a.Unique == "" || b.Unique == "" {
		return strings.EqualFold(a.Name, b.Name)
	}
	return a.Unique == b.Unique
}

// quotedWords splits at spaces. Words may stand in double quotes, those within
// doubled, as our own replies have them.
func quotedWords(s string) ([]string, bool) {
	var words []string
	for s = strings.TrimLeft(s, " "); s != ""; s = strings.TrimLeft(s, " ") {
		word, rest, _ := strings.Cut(s, " ")
		if s[0] == '"' {
			var closed bool
			if word, rest, closed = unquote(s[1:]); !closed {
				return nil, false
			}
		}
		words, s = append(words, word), rest
	}
	return words, true
}

// unquote takes a word up to the quote that ends it.
func unquote(s string) (word, rest string, closed bool) {
	for {
		before, after, found := strings.Cut(s, `"`)
		word += before
		if !found {
			return "", "", false
		}
		if s, found = strings.CutPrefix(after, `"`); !found {
			return word, after, true
		}
		word += `"`
	}
}

func siteCopy(c *conn, arg string) reply {
	words, ok := quotedWords(arg)
	if !ok || len(words) != 2 {
		return say(501, `Syntax: SITE COPY "from" "to"`)
	}
	from, err := c.resolve(words[0])
	if err != nil {
		return badName(err)
	}
	return c.copy("SITE COPY", from, words[1])
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
	return c.copy("SITE CPTO", from.name, arg)
}

// copy lets the storage copy, or copies through the outermost driver, so that
// wrappers see every byte.
func (c *conn) copy(verb, from, arg string) reply {
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
		return say(250, "File copied")
	}}}
}
