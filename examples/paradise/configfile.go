package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// notInFile are flags that make no sense as keys of the file.
var notInFile = []string{"config", "check", "print-config"}

// repeatable is a flag that collects values. In the file its value is a list.
type repeatable interface{ repeatable() }

// readFile reads the settings of a TOML file, except for those that the command line has
// set. Its keys are the names of the flags; accounts are tables below "accounts".
func (cfg *config) readFile(fs *flag.FlagSet, name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("-config: %w", err)
	}
	cfg.text = strings.TrimPrefix(string(text), byteOrderMark)
	if err := cfg.decode(fs, cfg.text); err != nil {
		return fmt.Errorf("%s: %w", name, withLine(err))
	}
	if err := ended(cfg.text); err != nil && cfg.checkOnly {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// ended refuses a text whose last line has no end, which may be half of a line: half of a
// number is a number, too. Some editors write no other, so a start only warns; whoever
// checks or reloads is there to mend it.
func ended(text string) error {
	if last := text[strings.LastIndexByte(text, '\n')+1:]; strings.TrimSpace(last) == "" {
		return nil
	}
	return fmt.Errorf("line %d: the last line has no end, as if the file had been cut: end it with a newline", 1+strings.Count(text, "\n"))
}

// byteOrderMark is what editors of Windows put before a text.
const byteOrderMark = "\ufeff"

func (cfg *config) decode(fs *flag.FlagSet, text string) error {
	var tables map[string]toml.Primitive
	md, err := toml.Decode(text, &tables)
	if err != nil {
		return explained(fs, text, err)
	}
	if len(tables) == 0 {
		return errors.New("the file says nothing, as if it had been emptied or cut: write the settings, or leave -config out")
	}
	for _, key := range md.Keys() {
		if key[0] == "accounts" {
			continue
		}
		if hint := misplaced(fs, md, key); hint != "" {
			if md.Type(key[0]) != "" { // else it has no line of its own
				key = key[:1]
			}
			return failAt(text, key, errors.New(hint))
		}
		if fs.Lookup(key[0]) == nil || slices.Contains(notInFile, key[0]) {
			return unknownKey(text, key, topHint(fs, key[0]))
		}
	}
	if err := checkAccounts(md, text, tables["accounts"], md.IsDefined("accounts")); err != nil {
		return err
	}
	given := make(map[string]bool)
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, key := range sortedKeys(tables) {
		into := any(&setting{fs: fs, name: key, skip: given[key]})
		if key == "accounts" {
			into = &cfg.accounts
		}
		if err := md.PrimitiveDecode(tables[key], into); err != nil {
			return err
		}
	}
	return nil
}

// setting sets the flag of the same name to a value of the file.
type setting struct {
	fs   *flag.FlagSet
	name string
	skip bool
}

// UnmarshalTOML implements [toml.Unmarshaler]: the decoder adds the line to its errors.
func (s *setting) UnmarshalTOML(value any) error {
	if s.skip {
		return nil
	}
	values, err := s.texts(value)
	if err != nil {
		return err
	}
	for _, v := range values {
		if err := s.fs.Set(s.name, v); err != nil {
			return err
		}
	}
	return nil
}

// commaLists are flags that take one comma-separated text, and whose value in the file may
// be a list.
var commaLists = []string{"allow-types", "acme-domains"}

// texts returns the texts to set the flag to. The value must have the type of the flag: a
// number in place of a text, for example, is an error.
func (s *setting) texts(value any) ([]string, error) {
	f := s.fs.Lookup(s.name)
	_, adds := f.Value.(repeatable)
	kind := any("")
	if g, ok := f.Value.(flag.Getter); ok {
		kind = g.Get()
	}
	switch v := value.(type) {
	case string:
		return s.text(v, kind)
	case bool:
		if _, ok := kind.(bool); ok {
			return []string{fmt.Sprint(v)}, nil
		}
	case int64:
		_, count := kind.(int)
		_, unit := kind.(time.Duration)
		if count || unit {
			return []string{fmt.Sprint(v)}, nil
		}
	case []any:
		if adds || slices.Contains(commaLists, s.name) {
			return s.list(v, adds)
		}
	}
	return nil, fmt.Errorf("is %s: write %s", typeName(value), wanted(kind))
}

// text returns the value to set if the file has a text.
func (s *setting) text(v string, kind any) ([]string, error) {
	switch kind.(type) {
	case bool:
		return nil, errors.New("is a text: write true or false without quotes")
	case int:
		return nil, instead(numberWanted(v), fmt.Errorf("is a text: %w, without quotes", numberWanted(v)))
	}
	if strings.TrimSpace(v) == "" && !slices.Contains(mayBeEmpty, s.name) {
		return nil, errEmpty(s.fs, s.name)
	}
	return []string{v}, nil
}

func (s *setting) list(v []any, adds bool) ([]string, error) {
	var values []string
	for _, e := range v {
		text, ok := e.(string)
		if !ok {
			return nil, fmt.Errorf("has %s in its list: write texts, as in [\"one\", \"two\"]", typeName(e))
		}
		values = append(values, text)
	}
	if len(values) == 0 && !slices.Contains(mayBeEmpty, s.name) {
		return nil, errEmpty(s.fs, s.name)
	}
	if !adds {
		values = []string{strings.Join(values, ",")}
	}
	return values, nil
}

// wanted describes how to write a value of a kind.
func wanted(kind any) string {
	switch kind.(type) {
	case bool:
		return "true or false without quotes"
	case int:
		return "a whole number without quotes"
	case time.Duration:
		return `a time in quotes, as in "90s" or "5m"`
	}
	return "a text in quotes"
}

// typeName returns the type of a TOML value in plain words.
func typeName(value any) string {
	switch value.(type) {
	case string:
		return "a text"
	case bool:
		return "true or false"
	case int64:
		return "a number"
	case float64:
		return "a number with a fraction"
	case []any, []map[string]any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date"
}

// topHint suggests what an unknown key at the top of the file may have been meant for.
func topHint(fs *flag.FlagSet, name string) string {
	switch {
	case slices.Contains(notInFile, name):
		return ": it is a flag only"
	case accountKeys[name] != nil:
		return ": it belongs to an account, below [accounts.NAME]"
	}
	return didYouMean(name, "", append(flagNames(fs), "accounts"))
}

// unknownKey returns the error for an unknown key.
func unknownKey(text string, key toml.Key, hint string) error {
	return failAt(text, key, errors.New("unknown key"+hint))
}

// failAt returns err with the line of a key. The decoder reveals a line only if decoding
// fails, so failAt makes it fail at that key.
func failAt(text string, key toml.Key, err error) error {
	var table map[string]toml.Primitive
	md, wrong := toml.Decode(text, &table)
	if wrong != nil {
		return wrong
	}
	for _, name := range key[:len(key)-1] {
		var next map[string]toml.Primitive
		if md.PrimitiveDecode(table[name], &next) != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		table = next
	}
	return md.PrimitiveDecode(table[key[len(key)-1]], refuse{err})
}

// refuse fails for every value that is decoded into it.
type refuse struct{ err error }

func (r refuse) UnmarshalTOML(any) error { return r.err }

// withLine returns an error that says in one line where in the file err is.
func withLine(err error) error {
	var p toml.ParseError
	if !errors.As(err, &p) {
		return errors.New(strings.TrimPrefix(err.Error(), "toml: "))
	}
	if p.LastKey == "" {
		return fmt.Errorf("line %d: %s", max(p.Position.Line, 1), p.Message)
	}
	return fmt.Errorf("line %d: %s: %s", p.Position.Line, p.LastKey, p.Message)
}

// secret are the flags whose values are not printed.
var secret = []string{"user", "monitor-token", "on-upload"}

// print writes the settings in force as a file that -config accepts.
func (cfg *config) print(w io.Writer, fs *flag.FlagSet) error {
	var err error
	fs.VisitAll(func(f *flag.Flag) {
		if err != nil || slices.Contains(notInFile, f.Name) {
			return
		}
		switch value := f.Value.String(); {
		case f.Name == "max-sessions-per-ip":
			_, err = fmt.Fprintf(w, "%s = %d\n", f.Name, cfg.sessionsPerIP())
		case slices.Contains(secret, f.Name):
			_, err = fmt.Fprintf(w, "# %s is not shown\n", f.Name)
		case value == "" && !slices.Contains(mayBeEmpty, f.Name):
			_, err = fmt.Fprintf(w, "# %s is not set\n", f.Name)
		case f.Name == "tls-policy" && cfg.tlsPolicy == "required" && !cfg.hasTLS():
			_, err = fmt.Fprintf(w, "# %s = %s needs a certificate\n", f.Name, tomlValue(f, value))
		default:
			_, err = fmt.Fprintf(w, "%s = %s\n", f.Name, tomlValue(f, value))
		}
	})
	for _, name := range sortedKeys(cfg.accounts) {
		if err == nil {
			err = cfg.accounts[name].print(w, name)
		}
	}
	return err
}

// tomlValue writes a flag's value as TOML.
func tomlValue(f *flag.Flag, value string) string {
	if list, ok := f.Value.(*listFlag); ok {
		quoted := make([]string, 0, len(*list))
		for _, v := range *list {
			quoted = append(quoted, tomlString(v))
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	if g, ok := f.Value.(flag.Getter); ok {
		switch v := g.Get().(type) {
		case bool, int:
			return fmt.Sprint(v)
		}
	}
	return tomlString(value)
}

// tomlString returns s as a TOML string. strconv.Quote will not do, because Go escapes
// some characters in other ways than TOML.
func tomlString(s string) string {
	b, err := toml.Marshal(map[string]string{"x": s})
	if err != nil {
		return `""`
	}
	return strings.TrimSpace(strings.TrimPrefix(string(b), "x = "))
}
