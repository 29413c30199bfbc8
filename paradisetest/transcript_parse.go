package paradisetest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// script is a parsed transcript.
type script struct {
	file  string
	lines []string
	setup []setupLine
	login string // "", "plain" or "tls"
	ipv6  bool
	fresh bool // data connections do not resume the TLS session
	steps []step
}

type setupLine struct {
	line      int
	name, arg string
}

// step is one action, or consecutive lines that are expected together.
type step struct {
	line int // number of its first line, from 1
	kind string
	text []string
}

// stepKinds are the prefixes of steps. True: consecutive lines form one step.
var stepKinds = map[string]bool{
	"C:": false, "C!": false, "C^": false, "C.": false, "C-": false, "S:": true, "S.": false,
	"D+": false, "D>": false, "D<": true, "D.": false, "D-": false, "D!": false, "!release": false, "F:": false,
}

func parseScript(file, text string) (*script, error) {
	sc := &script{file: file, lines: strings.Split(text, "\n")}
	fresh := true // the next line starts a new step
	for i, line := range sc.lines {
		line = strings.TrimSuffix(line, "\r")
		mark, rest, _ := strings.Cut(line, " ")
		runs, isStep := stepKinds[mark]
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
			fresh = true
		case strings.HasPrefix(mark, "@"):
			if len(sc.steps) > 0 {
				return nil, fmt.Errorf("%s:%d: setup comes before the first step", file, i+1)
			}
			sc.setup = append(sc.setup, setupLine{i + 1, mark[1:], strings.TrimSpace(rest)})
		case !isStep:
			return nil, fmt.Errorf("%s:%d: no such step: %q", file, i+1, line)
		case runs && !fresh && sc.steps[len(sc.steps)-1].kind == mark:
			last := &sc.steps[len(sc.steps)-1]
			last.text = append(last.text, rest)
		default:
			sc.steps = append(sc.steps, step{i + 1, mark, []string{rest}})
			fresh = false
		}
	}
	return sc, sc.check()
}

// check returns an error for a transcript that would test nothing.
func (sc *script) check() error {
	if len(sc.steps) == 0 {
		return fmt.Errorf("%s: no step", sc.file)
	}
	for _, st := range sc.steps {
		if st.kind == "S:" && countReplies(st.text) == 0 {
			return fmt.Errorf("%s:%d: not a whole reply: %q", sc.file, st.line, st.text)
		}
	}
	return nil
}

// countReplies returns the number of replies in lines, or 0 if the last is incomplete.
// "?" counts as one reply, not known yet.
func countReplies(lines []string) int {
	n, code := 0, 0
	for _, line := range lines {
		switch {
		case code == 0 && line == "?":
			n++
		case code == 0:
			c, err := replyCode(line)
			if err != nil {
				return 0
			}
			if isLast(line, c) {
				n++
				continue
			}
			code = c
		case isLast(line, code):
			n++
			code = 0
		}
	}
	if code != 0 {
		return 0
	}
	return n
}

// unquote reads a string quoted as in Go.
func unquote(s string) (string, error) {
	text, err := strconv.Unquote(strings.TrimSpace(s))
	if err != nil {
		return "", fmt.Errorf("not a quoted string: %s", s)
	}
	return text, nil
}

// placeholders are patterns for text that may differ from run to run.
var placeholders = map[string]string{
	"n":     `\d+`,
	"port":  `\d+`,
	"bytes": `\d+`,
	"addr":  `\d+(?:,\d+)+`,
	"clock": `\d\d:\d\d:\d\d`,
	"date":  `[A-Z][a-z][a-z] [ \d]\d (?:\d\d:\d\d| \d{4})`,
	"stamp": `\d{14}`,
	"hex":   `[0-9A-Fa-f]+`,
	"name":  `\S+`,
	"ip":    `[0-9a-f.:]+`,
	"text":  `.*`,
}

var placeholder = regexp.MustCompile(`\{([a-z]+)\}`)

// pattern turns a line into a regular expression, and returns the names of its groups.
func pattern(line string) (*regexp.Regexp, []string) {
	var expr strings.Builder
	var names []string
	at := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(line, -1) {
		name := line[m[2]:m[3]]
		kind, known := placeholders[name]
		if !known {
			continue
		}
		expr.WriteString(regexp.QuoteMeta(line[at:m[0]]) + "(" + kind + ")")
		names = append(names, name)
		at = m[1]
	}
	expr.WriteString(regexp.QuoteMeta(line[at:]))
	return regexp.MustCompile("^(?s:" + expr.String() + ")$"), names
}

// visible returns a line in which bytes that are not text, and control characters, are
// written as \xNN.
func visible(line string) string {
	var b strings.Builder
	for line != "" {
		r, n := utf8.DecodeRuneInString(line)
		if r == utf8.RuneError && n == 1 || r < ' ' || r == 0x7F {
			fmt.Fprintf(&b, `\x%02x`, line[0])
			n = 1
		} else {
			b.WriteString(line[:n])
		}
		line = line[n:]
	}
	return b.String()
}

// matches compares a line with a pattern and remembers what its placeholders matched.
func (p *player) matches(want, got string) bool {
	re, names := pattern(want)
	m := re.FindStringSubmatch(got)
	if m == nil {
		return false
	}
	for i, name := range names {
		p.vars[name] = m[i+1]
	}
	return true
}

// volatile are the texts that an update replaces with placeholders.
var volatile = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`^(227 .*\()[\d,]+\)$`), "${1}{addr})"},
	{regexp.MustCompile(`^(228 .*\(4,4,127,0,0,1,2,)[\d,]+\)$`), "${1}{addr})"},
	{regexp.MustCompile(`^(228 .*\(6,16,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,2,)[\d,]+\)$`), "${1}{addr})"},
	{regexp.MustCompile(`^(229 .*\(\|\|\|)\d+\|\)$`), "${1}{port}|)"},
	{regexp.MustCompile(`^(150 FILE: )(.*\.)?[0-9a-f]{12}$`), "${1}${2}{hex}"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`), "{clock}"},
	{regexp.MustCompile(`^([-dl][-rwxsStT]{9} .* )[A-Z][a-z][a-z] [ \d]\d \d\d:\d\d `), "${1}{date} "},
	{regexp.MustCompile(`^ [0-9a-f]{6} \{clock\} `), " {hex} {clock} "},
}

// generalize returns a received line in the form that belongs into a transcript.
func generalize(line string) string {
	for _, v := range volatile {
		line = v.re.ReplaceAllString(line, v.to)
	}
	today := regexp.MustCompile(`\b` + time.Now().UTC().Format("20060102") + `\d{6}\b`)
	return today.ReplaceAllString(line, "{stamp}")
}
