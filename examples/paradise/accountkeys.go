package main

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// accountKeys are the keys of an account, with the types of their fields.
var accountKeys = fieldsOf(reflect.TypeFor[account]())

// fieldsOf returns the types of a struct's fields by their names in the file. For a
// pointer to a bool, which may be left out, it returns bool.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	keys := make(map[string]reflect.Type)
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		switch {
		case f.Anonymous:
			maps.Copy(keys, fieldsOf(f.Type))
		case f.Type == reflect.TypeFor[*bool]():
			keys[name] = f.Type.Elem()
		case name != "":
			keys[name] = f.Type
		}
	}
	return keys
}

// checkAccounts checks the accounts of a file before they are decoded. Each error names
// the key and the line, and says what is expected. An empty value is an error too: an
// empty home, for example, may mean all of -root, or the value was lost.
func checkAccounts(md toml.MetaData, text string, accounts toml.Primitive, defined bool) error {
	if !defined {
		return nil
	}
	if err := md.PrimitiveDecode(accounts, tableCheck{"accounts.NAME", accountKeys}); err != nil {
		return err
	}
	var tables map[string]toml.Primitive
	if err := md.PrimitiveDecode(accounts, &tables); err != nil {
		return err
	}
	if len(tables) == 0 {
		return failAt(text, toml.Key{"accounts"},
			errors.New("names nobody: write [accounts.NAME] and its password below, or leave it out"))
	}
	for _, name := range sortedKeys(tables) {
		key := toml.Key{"accounts", name}
		if strings.TrimSpace(name) == "" {
			return failAt(text, key, errors.New("is an account without a name: write [accounts.NAME]"))
		}
		if err := checkTable(md, text, key, tables[name], accountKeys); err != nil {
			return err
		}
	}
	return nil
}

// checkTable checks an account, or a table inside an account.
func checkTable(md toml.MetaData, text string, at toml.Key, table toml.Primitive, known map[string]reflect.Type) error {
	if err := md.PrimitiveDecode(table, tableCheck{at.String(), known}); err != nil {
		return err
	}
	var values map[string]toml.Primitive
	if err := md.PrimitiveDecode(table, &values); err != nil {
		return err
	}
	for _, name := range sortedKeys(values) {
		key := append(slices.Clone(at), name)
		field := known[name]
		if field == nil {
			return unknownKey(text, key, accountHint(name, known))
		}
		var err error
		if field.Kind() == reflect.Struct {
			err = checkTable(md, text, key, values[name], fieldsOf(field))
		} else {
			err = md.PrimitiveDecode(values[name], valueCheck{field})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tableCheck refuses values that are not tables. name and keys are for the error.
type tableCheck struct {
	name string
	keys map[string]reflect.Type
}

// UnmarshalTOML implements [toml.Unmarshaler]: the decoder adds the line to its errors.
func (c tableCheck) UnmarshalTOML(value any) error {
	if _, ok := value.(map[string]any); ok {
		return nil
	}
	if word, below := strings.CutPrefix(c.name, "accounts."); below && isAccountKey(word) {
		return errors.New("stands outside of an account: write it below [accounts.NAME]")
	}
	example := slices.Sorted(maps.Keys(c.keys))[0]
	if c.keys["password"] != nil {
		example = "password"
	}
	return fmt.Errorf("is no table: write [%s] and its keys below, %s among them", c.name, example)
}

// accountHint suggests what an unknown key of an account may have been meant for.
func accountHint(name string, known map[string]reflect.Type) string {
	hint := didYouMean(name, "", slices.Sorted(maps.Keys(known)))
	device := fieldsOf(reflect.TypeFor[deviceProfile]())
	switch {
	case slices.Contains(nameWords, name) && known["password"] != nil:
		return ": the account's name belongs to the head, as in [accounts.NAME]"
	case hint != "":
		return hint
	case device[name] != nil:
		return fmt.Sprintf(": it belongs to device, as in device = { %s = true }", name)
	case accountKeys[name] != nil:
		return ": it belongs to the account itself"
	case (&config{}).flags(nil).Lookup(name) != nil:
		return ": it holds for all and belongs to the top of the file, above all [tables]"
	}
	return ""
}

// readsText reports whether a field parses its text itself, with its own errors.
func readsText(t reflect.Type) bool {
	unmarshaler := reflect.TypeFor[encoding.TextUnmarshaler]()
	return t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler)
}

// valueCheck compares a value with the type of its field.
type valueCheck struct{ field reflect.Type }

// UnmarshalTOML implements [toml.Unmarshaler]: the decoder adds the line to its errors.
func (c valueCheck) UnmarshalTOML(value any) error {
	switch text, isText := value.(string); {
	case readsText(c.field):
		if !isText {
			return fmt.Errorf("is %s: write a text in quotes", typeName(value))
		}
		return nil
	case c.field.Kind() == reflect.Slice:
		return checkList(value)
	case c.field.Kind() == reflect.Bool:
		if _, ok := value.(bool); !ok {
			return fmt.Errorf("is %s: write true or false without quotes", typeName(value))
		}
	case c.field.Kind() == reflect.String:
		if !isText {
			return fmt.Errorf("is %s: write a text in quotes", typeName(value))
		}
		if strings.TrimSpace(text) == "" {
			return errors.New("is empty: write a value, or leave the line out")
		}
	default:
		return checkNumber(value)
	}
	return nil
}

func checkList(value any) error {
	list, ok := value.([]any)
	if !ok {
		return fmt.Errorf("is %s: write a list, as in [\"one\", \"two\"]", typeName(value))
	}
	if len(list) == 0 {
		return errors.New("is an empty list: write what is meant, or leave the line out")
	}
	for _, e := range list {
		if s, ok := e.(string); !ok || strings.TrimSpace(s) == "" {
			return fmt.Errorf("has something else than texts in its list: write texts, as in [\"one\", \"two\"]")
		}
	}
	return nil
}

func checkNumber(value any) error {
	switch v := value.(type) {
	case int64:
		if v < 0 {
			return errors.New("is below zero: write a whole number, or leave the line out for no bound")
		}
		return nil
	case string:
		return fmt.Errorf("is a text: %w, without quotes", numberWanted(v))
	}
	return fmt.Errorf("is %s: write a whole number without quotes", typeName(value))
}
