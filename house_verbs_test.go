package paradise

import (
	"flag"
	"fmt"
	"go/ast"
	"go/types"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const architecture = "docs/architecture.md"

// A stranger finds a verb by its name: docs/architecture.md lists them all, and the file
// has both the row of the table and the function that answers. -update writes the list.
func TestHouseVerbsAreFoundByTheirNames(t *testing.T) {
	const heading = "\n## Verbs\n"
	b, err := os.ReadFile(architecture)
	require.NoError(t, err)
	text := strings.ReplaceAll(string(b), "\r\n", "\n")
	before, rest, ok := strings.Cut(text, heading)
	require.True(t, ok)
	start := strings.Index(rest, "\n|")
	require.Positive(t, start)
	end := strings.Index(rest, "\n\n## ")
	require.Greater(t, end, start)
	index := verbIndex(t)
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		text = before + heading + rest[:start+1] + index + rest[end+1:]
		require.NoError(t, os.WriteFile(architecture, []byte(text), 0o644))
		return
	}
	assert.Equal(t, index, rest[start+1:end+1], "run go test -run TestHouse -update .")
}

// verbIndex is a table of the verbs with their files and handlers.
func verbIndex(t *testing.T) string {
	t.Helper()
	commands, err := newCommandTable(nil, nil)
	require.NoError(t, err)
	rows, siteRows := rowFiles(t, "command"), rowFiles(t, "siteCommand")
	var lines []string
	add := func(verb, row string, run any) {
		file, function := handlerOf(run)
		assert.Equal(t, row, file, "%s: its row and its handler %s belong in one file", verb, function)
		lines = append(lines, fmt.Sprintf("| %s | `%s` | `%s` |\n", verb, file, function))
	}
	for name, row := range commands.rows {
		add(name, rows[name], row.run)
	}
	for name, row := range commands.site {
		add("SITE "+name, siteRows[name], row.run)
	}
	slices.Sort(lines)
	return "| verb | file | handler |\n|---|---|---|\n" + strings.Join(lines, "")
}

// handlerOf names the function behind a value, and its file. One without a name goes by
// the function around it.
func handlerOf(run any) (file, name string) {
	f := runtime.FuncForPC(reflect.ValueOf(run).Pointer())
	path, _ := f.FileLine(f.Entry())
	name = f.Name()[strings.LastIndexByte(f.Name(), '/')+1:]
	return filepath.Base(path), strings.Split(name, ".")[1]
}

// rowFiles finds where the verbs of a table stand: as literals in the functions that
// return its rows.
func rowFiles(t *testing.T, kind string) map[string]string {
	t.Helper()
	h := theHouse(t)
	rows := types.NewSlice(types.NewPointer(h.pkg.Scope().Lookup(kind).Type()))
	files := make(map[string]string)
	for file, source := range h.files {
		for _, d := range source.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			results := h.info.Defs[f.Name].(*types.Func).Signature().Results()
			if results.Len() != 1 || !types.Identical(results.At(0).Type(), rows) {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if word, ok := n.(*ast.BasicLit); ok {
					files[strings.Trim(word.Value, `"`)] = file
				}
				return true
			})
		}
	}
	return files
}
