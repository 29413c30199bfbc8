package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes a module of two packages, and one that is internal.
func module(t *testing.T, root, sub string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":             "module example.org/m\n\ngo 1.25\n",
		"m.go":               "package m\n\n" + root,
		"sub/sub.go":         sub,
		"internal/in/in.go":  "package in\n\nfunc Gone() {}\n",
		"cmd/prog/main.go":   "package main\n\nfunc Exported() {}\n\nfunc main() {}\n",
		"tests/none_test.go": "package tests\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const api = `import "time"

const Most = 3

type Options struct { Name string; Wait time.Duration; inner int }

type Driver interface { Get(name string) ([]byte, error) }

type Alias = map[string]int

func Open(o Options) (Driver, error) { return nil, nil }

func hidden() {}
`

func TestWhatBreaksProgramsIsListed(t *testing.T) {
	const sub = "package sub\n\nfunc F() {}\n"
	file := filepath.Join(t.TempDir(), "api.export")
	if err := run(module(t, api, sub), file, true, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, sub, want string }{
		{"nothing", "", "", sub, ""},
		{"a new function", "func hidden()", "func New() {}\n\nfunc hidden()", sub, ""},
		{"a new field", "inner int", "inner int; More bool", sub, ""},
		{"what is not exported", "func hidden()", "func secret()", sub, ""},
		{"a field less", "Name string; ", "", sub, "Options.Name: removed"},
		{"a field of another type", "Wait time.Duration", "Wait *time.Duration", sub, "Options.Wait: changed from"},
		{"a method more of an interface", "Get(name string)", "Put(); Get(name string)", sub, "Driver.Put: added"},
		{"another constant", "Most = 3", "Most = 4", sub, "Most: value changed from 3 to 4"},
		{"another alias", "map[string]int", "map[string]bool", sub, "Alias"},
		{"another signature", "func Open(o Options)", "func Open(o *Options)", sub, "Open: changed"},
		{"another name", "func Open(", "func Begin(", sub, "Open: removed"},
		{"a function of another package", "", "", "package sub\n", "example.org/m/sub: package removed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(module(t, strings.Replace(api, c.old, c.new, 1), c.sub), file, false, &out)
			if (err != nil) != (c.want != "") || !strings.Contains(out.String(), c.want) {
				t.Errorf("want %q, got %v:\n%s", c.want, err, &out)
			}
		})
	}
}

// What is recorded does not depend on where and when, or each change would show.
func TestTheRecordIsTheSameEverywhere(t *testing.T) {
	var first []byte
	for range 2 {
		dir, file := module(t, api, "package sub\n"), filepath.Join(t.TempDir(), "api.export")
		if err := run(dir, file, true, io.Discard); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, b) {
			t.Error("two records of one API differ")
		}
		first = b
	}
}

func TestAPackageThatDoesNotCompileIsNoAPI(t *testing.T) {
	if err := run(module(t, "func F() undefined { }\n", "package sub\n"), "none", true, io.Discard); err == nil {
		t.Error("recorded")
	}
}
