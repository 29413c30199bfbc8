// Command apidiff holds the exported API of paradise's packages against the one that is
// recorded in api.export beside it. It fails with the list of changes that would break a
// program that uses them, as golang.org/x/exp/apidiff tells them; what is added is no such
// change. With -record it records the API as it is now, which is how such a change is made
// on purpose. Run it at the top of the repository:
//
//	GOWORK=off go -C tools run ./apidiff [-record]
package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/token"
	"go/types"
	"io"
	"os"
	"strings"

	"golang.org/x/exp/apidiff"
	"golang.org/x/tools/go/gcexportdata"
	"golang.org/x/tools/go/packages"
)

func main() {
	record := flag.Bool("record", false, "record the API as it is")
	flag.Parse()
	if err := run("..", "apidiff/api.export", *record, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "apidiff:", err)
		os.Exit(1)
	}
}

// run looks at the module in dir.
func run(dir, file string, record bool, out io.Writer) error {
	now, err := load(dir)
	if err != nil {
		return err
	}
	if record {
		return write(file, now)
	}
	then, err := read(file)
	if err != nil {
		return err
	}
	broken := compare(then, now)
	if len(broken) == 0 {
		return nil
	}
	for _, line := range broken {
		fmt.Fprintln(out, line)
	}
	const how = "%d changes break programs that use the packages; to make them all the same: " +
		"GOWORK=off go -C tools run ./apidiff -record"
	return fmt.Errorf(how, len(broken))
}

// load returns the packages that others may import, by their paths.
func load(dir string) ([]*types.Package, error) {
	config := &packages.Config{
		Dir:  dir,
		Env:  append(os.Environ(), "GOWORK=off", "GOOS=linux", "GOARCH=amd64"), // one API, wherever it is held
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedFiles,
	}
	loaded, err := packages.Load(config, "./...")
	if err != nil {
		return nil, err
	}
	var all []*types.Package
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			return nil, p.Errors[0]
		}
		if p.Types == nil || p.Name == "main" || isInternal(p.PkgPath) || !exports(p.Types) {
			continue
		}
		all = append(all, p.Types)
	}
	if len(all) == 0 {
		return nil, errors.New("no package exports anything")
	}
	return all, nil
}

func isInternal(path string) bool { return strings.Contains(path+"/", "/internal/") }

// exports reports whether a package has names for others; some have tests alone.
func exports(p *types.Package) bool {
	for _, name := range p.Scope().Names() {
		if token.IsExported(name) {
			return true
		}
	}
	return false
}

// write makes a zip file of the packages' export data. It leaves out where things are
// declared: folders are nobody's business.
func write(file string, all []*types.Package) error {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range all {
		w, err := z.Create(p.Path())
		if err == nil {
			err = gcexportdata.Write(w, nil, p)
		}
		if err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}

func read(file string) ([]*types.Package, error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	var all []*types.Package
	imports := make(map[string]*types.Package)
	for _, entry := range z.File {
		r, err := entry.Open()
		if err != nil {
			return nil, err
		}
		p, err := gcexportdata.Read(r, token.NewFileSet(), imports, entry.Name)
		r.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// compare lists what breaks.
func compare(then, now []*types.Package) (broken []string) {
	current := make(map[string]*types.Package)
	for _, p := range now {
		current[p.Path()] = p
	}
	for _, old := range then {
		p := current[old.Path()]
		if p == nil {
			broken = append(broken, old.Path()+": package removed")
			continue
		}
		for _, c := range apidiff.Changes(old, p).Changes {
			if !c.Compatible {
				broken = append(broken, old.Path()+": "+c.Message)
			}
		}
	}
	return broken
}
