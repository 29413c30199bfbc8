// Command vulncheck looks for known vulnerabilities in the modules whose folders are its
// arguments. It uses govulncheck and a copy of the Go vulnerability database that comes as
// a module; after that download it needs no network. It fails for vulnerabilities in
// dependencies. It only prints those in Go itself, because a newer toolchain fixes them
// and a change here cannot.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// database is the version of the module; `go list -m golang.org/x/vulndb@latest` prints the
// newest.
const database = "golang.org/x/vulndb@v0.0.0-20261105234957-e22db6528018"

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vulncheck:", err)
		os.Exit(1)
	}
}

func run(modules []string, out io.Writer) error {
	if len(modules) == 0 {
		return errors.New("give the folders of the modules")
	}
	folder, err := os.MkdirTemp("", "vulndb-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := makeDatabase(folder); err != nil {
		return err
	}
	found := make(map[string]vulnerability)
	for _, dir := range modules {
		if err := check(dir, folder, found); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	return report(found, out)
}

// report fails for vulnerabilities that can be fixed here.
func report(found map[string]vulnerability, out io.Writer) error {
	ours := 0
	for _, id := range slices.Sorted(maps.Keys(found)) {
		v := found[id]
		fmt.Fprintln(out, v)
		if !v.ofGo() {
			ours++
		}
	}
	fmt.Fprintf(out, "%d in dependencies, %d in Go itself\n", ours, len(found)-ours)
	if ours > 0 {
		return fmt.Errorf("%d vulnerabilities in dependencies: take the versions that mend them", ours)
	}
	return nil
}

// entry is a vulnerability in the database.
type entry struct {
	ID       string   `json:"id"`
	Modified string   `json:"modified"`
	Aliases  []string `json:"aliases,omitempty"`
	Affected []struct {
		Package struct {
			Name string `json:"name"`
		} `json:"package"`
	} `json:"affected"`
}

// These are the two lists of a database: https://go.dev/doc/security/vuln/database.
type (
	listed struct {
		ID       string   `json:"id"`
		Modified string   `json:"modified"`
		Aliases  []string `json:"aliases,omitempty"`
	}
	module struct {
		Path  string   `json:"path"`
		Vulns []listed `json:"vulns"`
	}
)

// makeDatabase writes the entries of the module in the format that govulncheck reads.
func makeDatabase(folder string) error {
	source, err := download(database)
	if err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(source, "data", "osv", "*.json"))
	if err != nil || len(names) == 0 {
		return fmt.Errorf("%s has no entries: %w", database, err)
	}
	var all []listed
	modules := make(map[string]*module)
	modified := ""
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var e entry
		if err := json.Unmarshal(text, &e); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		modified = max(modified, e.Modified)
		all = append(all, listed{e.ID, e.Modified, e.Aliases})
		for _, a := range e.Affected {
			m := modules[a.Package.Name]
			if m == nil {
				m = &module{Path: a.Package.Name}
				modules[m.Path] = m
			}
			if !slices.ContainsFunc(m.Vulns, func(l listed) bool { return l.ID == e.ID }) {
				m.Vulns = append(m.Vulns, listed{ID: e.ID, Modified: e.Modified})
			}
		}
		if err := write(folder, "ID/"+e.ID+".json", json.RawMessage(text)); err != nil {
			return err
		}
	}
	sorted := slices.SortedFunc(maps.Values(modules), func(a, b *module) int { return strings.Compare(a.Path, b.Path) })
	return errors.Join(
		write(folder, "index/db.json", map[string]string{"modified": modified}),
		write(folder, "index/vulns.json", all),
		write(folder, "index/modules.json", sorted))
}

// download returns the folder of a module.
func download(path string) (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", path).Output()
	var m struct{ Dir, Error string }
	if wrong := json.Unmarshal(out, &m); wrong != nil || m.Error != "" {
		return "", fmt.Errorf("%s: %s: %w", path, m.Error, errors.Join(err, wrong))
	}
	return m.Dir, nil
}

func write(folder, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	path := filepath.Join(folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// vulnerability is a vulnerability that was found.
type vulnerability struct {
	id, module, version, mended string
	called                      string // the function that is reached; empty: the package is only imported
}

// ofGo reports whether the vulnerability is in the standard library or the toolchain.
func (v vulnerability) ofGo() bool { return v.module == "stdlib" || v.module == "toolchain" }

func (v vulnerability) String() string {
	how := "imported"
	if v.called != "" {
		how = "reached by way of " + v.called
	}
	mended := "not mended yet"
	if v.mended != "" {
		mended = "mended in " + v.mended
	}
	return fmt.Sprintf("%s: %s %s, %s, %s", v.id, v.module, v.version, mended, how)
}

// message is a message of govulncheck. It has only the kinds that matter here.
type message struct {
	Finding *struct {
		OSV   string `json:"osv"`
		Fixed string `json:"fixed_version"`
		Trace []struct {
			Module, Version, Package, Function string
		}
	}
}

// check adds the vulnerabilities of a module.
func check(dir, folder string, found map[string]vulnerability) error {
	tool, err := exec.Command("go", "tool", "-n", "golang.org/x/vuln/cmd/govulncheck").Output()
	if err != nil {
		return err
	}
	cmd := exec.Command(strings.TrimSpace(string(tool)), "-db", "file://"+filepath.ToSlash(folder), "-format", "json",
		"-test", "./...")
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	return read(bytes.NewReader(out), found)
}

// read adds the findings of govulncheck. A package with a vulnerability counts even if its
// function is not reached; a module that is only required does not count.
func read(said io.Reader, found map[string]vulnerability) error {
	for d := json.NewDecoder(said); ; {
		var m message
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if m.Finding == nil || len(m.Finding.Trace) == 0 || m.Finding.Trace[0].Package == "" {
			continue
		}
		at := m.Finding.Trace[0]
		v := vulnerability{m.Finding.OSV, at.Module, at.Version, m.Finding.Fixed, ""}
		if at.Function != "" {
			v.called = at.Package + "." + at.Function
		}
		if old := found[v.id]; old.called == "" {
			found[v.id] = v
		}
	}
}
