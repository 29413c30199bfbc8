package paradise

import (
	"go/parser"
	"go/token"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/paradiseftp/paradise"

// importers are the files that import a package, tests left out.
func importers(t *testing.T) map[string][]string {
	t.Helper()
	by := make(map[string][]string)
	for _, name := range sources(t, ".go") {
		if isTest(name) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, i := range file.Imports {
			what := strings.Trim(i.Path.Value, `"`)
			by[what] = append(by[what], name)
		}
	}
	return by
}

// The root rests on internal packages alone, and these know nothing above them.
func TestHouseInternalPackagesKnowNoOthers(t *testing.T) {
	for what, files := range importers(t) {
		if what != module && !strings.HasPrefix(what, module+"/") || strings.HasPrefix(what, module+"/internal/") {
			continue
		}
		for _, name := range files {
			below := path.Dir(name) == "." || strings.HasPrefix(name, "internal/")
			assert.False(t, below, "%s must not import %s", name, what)
		}
	}
}

// Each internal package has a comment and a row in docs/architecture.md.
func TestHouseInternalPackagesAreDescribed(t *testing.T) {
	rows := make(map[string]bool)
	for _, row := range table(t, "Beside the root", 2) {
		for _, name := range quoted(row[0]) {
			rows[name] = true
		}
	}
	comment := make(map[string]bool)
	for _, name := range sources(t, ".go") {
		dir := path.Dir(name)
		if path.Dir(dir) != "internal" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
		require.NoError(t, err)
		comment[dir] = comment[dir] || file.Doc != nil
	}
	for dir, has := range comment {
		assert.True(t, has, "%s has no package comment", dir)
		assert.True(t, rows[dir], "%s must stand in docs/architecture.md", dir)
	}
	assert.NotEmpty(t, comment)
}
