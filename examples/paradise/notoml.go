package main

import (
	"errors"
	"flag"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// assignment matches a line that gives a key a value, also with a colon as in YAML.
var assignment = regexp.MustCompile(`^\s*([\w.-]+)\s*([=:])\s*([^\r]*?)\s*$`)

// explained replaces an error of the TOML parser, which says what was found, with one that
// says what to write, if the line shows that. It does not show the value, which may be a
// password, because the error goes to the log.
func explained(fs *flag.FlagSet, text string, err error) error {
	var p toml.ParseError
	lines := strings.Split(text, "\n")
	if !errors.As(err, &p) || p.Position.Line < 1 || p.Position.Line > len(lines) {
		return err
	}
	m := assignment.FindStringSubmatch(lines[p.Position.Line-1])
	if m == nil {
		return err
	}
	key, sign, value := m[1], m[2], m[3]
	better := insteadOf(fs, key, value)
	if sign == ":" {
		better = "has a colon: write key = value"
	}
	if better == "" {
		return err
	}
	if p.LastKey != key && !strings.HasSuffix(p.LastKey, "."+key) {
		p.LastKey = key
	}
	p.Message = better
	return p
}

// insteadOf says what to write in place of a value that is not TOML, or returns "" if it
// does not know.
func insteadOf(fs *flag.FlagSet, key, value string) string {
	if value == "" || strings.HasPrefix(value, "#") {
		return "has no value: write " + kindWanted(fs, key, "")
	}
	quote := value[:1]
	switch quote {
	case `"`, `'`:
		if quote == `"` && strings.Contains(value, `\`) {
			return `has a \: write \\ for each, or the text in single quotes`
		}
		if strings.Count(value, quote)%2 == 1 {
			return "a quote is missing: write one before the text and one behind it"
		}
		return ""
	case "[":
		if !strings.ContainsAny(value, `"'`) {
			return "has a list without quotes: write " + listWanted
		}
		return ""
	case "{":
		return ""
	}
	return "write " + kindWanted(fs, key, value)
}

const listWanted = `texts in quotes, as in ["one", "two"]`

// kindWanted says how to write the value of a key. value is the text in the file.
func kindWanted(fs *flag.FlagSet, key, value string) string {
	kind := accountKeys[key]
	if f := fs.Lookup(key); f != nil {
		kind = reflect.TypeFor[string]()
		if g, ok := f.Value.(flag.Getter); ok {
			kind = reflect.TypeOf(g.Get())
		}
	}
	switch {
	case kind == nil:
		return wanted("")
	case kind == reflect.TypeFor[time.Duration]():
		return wanted(time.Duration(0))
	case kind.Kind() == reflect.Bool:
		return wanted(false)
	case kind.Kind() == reflect.Slice:
		return listWanted
	case kind.Kind() == reflect.Int, kind.Kind() == reflect.Int64:
		return strings.TrimPrefix(numberWanted(value).Error(), "write ")
	}
	return wanted("")
}
