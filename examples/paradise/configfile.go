package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// notInFile are flags that make no sense as keys.
var notInFile = []string{"config", "check", "print-config"}

// repeatable is a flag that adds; in the file its value is a list.
type repeatable interface{ repeatable() }

// readFile takes the settings of a TOML file, but for those that the command
// line has set. Its keys are the flags' names; accounts are tables below
// "accounts".
func (cfg *config) readFile(fs *flag.FlagSet, name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("-config: %w", err)
	}
	if err := cfg.decode(fs, string(text)); err != nil {
		return fmt.Errorf("%s: %w", name, withLine(err))
	}
	return nil
}

func (cfg *config) decode(fs *flag.FlagSet, text string) error {
	var tables map[string]toml.Primitive
	md, err := toml.Decode(text, &tables)
	if err != nil {
		return err
	}
	for _, key := range md.Keys() {
		if key[0] != "accounts" && (fs.Lookup(key[0]) == nil || slices.Contains(notInFile, key[0])) {
			return unknownKey(text, []toml.Key{key})
		}
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
	return unknownKey(text, slices.DeleteFunc(md.Undecoded(), isAccount))
}

// isAccount: the decoder does not count the keys of a map as asked for.
func isAccount(key toml.Key) bool { return len(key) == 2 && key[0] == "accounts" }

// setting gives a value of the file to the flag of the same name.
type setting struct {
	fs   *flag.FlagSet
	name string
	skip bool
}

// UnmarshalTOML implements [toml.Unmarshaler], whose errors get their line.
func (s *setting) UnmarshalTOML(value any) error {
	f := s.fs.Lookup(s.name)
	if s.skip {
		return nil
	}
	var values []string
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			values = append(values, fmt.Sprint(e))
		}
		if _, adds := f.Value.(repeatable); !adds {
			values = []string{strings.Join(values, ",")}
		}
	case map[string]any, []map[string]any:
		return errors.New("is a table, want a value")
	default:
		values = []string{fmt.Sprint(v)}
	}
	for _, v := range values {
		if err := s.fs.Set(f.Name, v); err != nil {
			return err
		}
	}
	return nil
}

var errUnknownKey = errors.New("unknown key")

// unknownKey is the error for the first key that nothing has asked for. The
// decoder knows the line of a key only where decoding it fails.
func unknownKey(text string, keys []toml.Key) error {
	if len(keys) == 0 {
		return nil
	}
	var table map[string]toml.Primitive
	md, err := toml.Decode(text, &table)
	if err != nil {
		return err
	}
	key := keys[0]
	for _, name := range key[:len(key)-1] {
		var next map[string]toml.Primitive
		if err := md.PrimitiveDecode(table[name], &next); err != nil {
			return err
		}
		table = next
	}
	return md.PrimitiveDecode(table[key[len(key)-1]], unknown{})
}

// unknown refuses whatever is decoded into it.
type unknown struct{}

func (unknown) UnmarshalTOML(any) error { return errUnknownKey }

// withLine says in one line where in the file the error is.
func withLine(err error) error {
	var p toml.ParseError
	if !errors.As(err, &p) {
		return errors.New(strings.TrimPrefix(err.Error(), "toml: "))
	}
	if p.LastKey == "" {
		return fmt.Errorf("line %d: %s", p.Position.Line, p.Message)
	}
	return fmt.Errorf("line %d: %s: %s", p.Position.Line, p.LastKey, p.Message)
}

// secret are flags whose values are not printed.
var secret = []string{"user", "monitor-token", "on-upload"}

// print writes the settings in force as a file that -config takes.
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

// tomlString writes a basic string; what Go escapes otherwise than TOML does
// not survive a command line.
func tomlString(s string) string {
	b, err := toml.Marshal(map[string]string{"x": s})
	if err != nil {
		return `""`
	}
	return strings.TrimSpace(strings.TrimPrefix(string(b), "x = "))
}
