package paradise

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/printer"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The house: rules for the source itself. docs/architecture.md has the tables.

const (
	maxFileLines     = 450
	maxFunctionLines = 60
)

// sources returns all files of the repository with one of these endings.
func sources(t *testing.T, endings ...string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", ".bin", "node_modules", "paradise-data"}, d.Name()) {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() && slices.ContainsFunc(endings, func(e string) bool { return strings.HasSuffix(name, e) }) {
			names = append(names, filepath.ToSlash(name))
		}
		return nil
	})
	require.NoError(t, err)
	return names
}

// A line of the root's code has this many columns at most, a tab being four.
const maxColumns = 120

func TestHouseLinesStayReadable(t *testing.T) {
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range names {
		if isTest(name) {
			continue
		}
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		n := 0
		for line := range strings.Lines(string(b)) {
			n++
			columns := utf8.RuneCountInString(strings.TrimRight(strings.ReplaceAll(line, "\t", "    "), "\r\n"))
			assert.LessOrEqual(t, columns, maxColumns, "%s:%d", name, n)
		}
	}
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

func TestHouseFilesAndFunctionsStaySmall(t *testing.T) {
	for _, name := range sources(t, ".go") {
		if isTest(name) {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		require.NoError(t, err)
		lines := set.File(file.Pos()).LineCount()
		assert.LessOrEqual(t, lines, maxFileLines, "%s: part it by its reasons", name)
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1
				assert.LessOrEqual(t, n, maxFunctionLines, "%s: %s", name, f.Name.Name)
			}
		}
	}
}

// house is the root package without its tests, as one platform compiles it.
type house struct {
	set   *token.FileSet
	files map[string]*ast.File
	pkg   *types.Package
	info  types.Info
	owner map[types.Object]string // of fields and methods: the type's name
}

// neighbours imports the packages that the root rests on, as they were compiled. One that
// this platform has not compiled is empty.
type neighbours struct {
	types.Importer
	empty map[string]*types.Package
}

func newNeighbours(set *token.FileSet) (*neighbours, error) {
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", ".").Output()
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		files[name] = file
	}
	open := func(name string) (io.ReadCloser, error) { return os.Open(files[name]) }
	return &neighbours{importer.ForCompiler(set, "gc", open), make(map[string]*types.Package)}, err
}

func (n *neighbours) Import(name string) (*types.Package, error) {
	if pkg, err := n.Importer.Import(name); err == nil {
		return pkg, nil
	}
	if n.empty[name] == nil {
		n.empty[name] = types.NewPackage(name, path.Base(name))
		n.empty[name].MarkComplete()
	}
	return n.empty[name], nil
}

// platforms are those whose files differ.
var platforms = []string{"linux", "darwin", "windows"}

// houses is the root as each platform compiles it. On the platform of the test it must
// be without a fault, or uses would be overlooked.
var houses = sync.OnceValues(func() (map[string]*house, error) {
	set := token.NewFileSet()
	around, err := newNeighbours(set)
	if err != nil {
		return nil, err
	}
	all := make(map[string]*house)
	for _, goos := range platforms {
		h, err := loadHouse(set, around, goos)
		if err != nil && goos == runtime.GOOS {
			return nil, err
		}
		all[goos] = h
	}
	return all, nil
})

// theHouse is the root as this platform compiles it.
func theHouse(t *testing.T) *house { return allHouses(t)[runtime.GOOS] }

func allHouses(t *testing.T) map[string]*house {
	t.Helper()
	all, err := houses()
	require.NoError(t, err)
	return all
}

func loadHouse(set *token.FileSet, around *neighbours, goos string) (*house, error) {
	h := &house{set: set, files: make(map[string]*ast.File), owner: make(map[types.Object]string)}
	h.info = types.Info{Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object)}
	platform := build.Default
	platform.GOOS = goos
	names, err := filepath.Glob("*.go")
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range names {
		if ok, err := platform.MatchFile(".", name); err != nil || !ok || isTest(name) {
			continue
		}
		file, err := parser.ParseFile(h.set, name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		h.files[name] = file
		files = append(files, file)
	}
	var faults []error
	config := types.Config{Importer: around, Error: func(err error) { faults = append(faults, err) }}
	h.pkg, _ = config.Check("paradise", h.set, files, &h.info)
	for _, name := range h.pkg.Scope().Names() {
		h.own(h.pkg.Scope().Lookup(name))
	}
	return h, errors.Join(faults...)
}

func (h *house) own(o types.Object) {
	named, ok := o.Type().(*types.Named)
	if !ok {
		return
	}
	for m := range named.Methods() {
		h.owner[m] = o.Name()
	}
	if s, ok := named.Underlying().(*types.Struct); ok {
		for f := range s.Fields() {
			if h.owner[f] == "" { // "type lineSource conn" has the fields of conn
				h.owner[f] = o.Name()
			}
		}
	}
	if i, ok := named.Underlying().(*types.Interface); ok {
		for m := range i.ExplicitMethods() {
			h.owner[m] = o.Name()
		}
	}
}

func (h *house) imports(name string) []string {
	var list []string
	for _, i := range h.files[name].Imports {
		list = append(list, strings.Trim(i.Path.Value, `"`))
	}
	return list
}

var code = regexp.MustCompile("`([^`]+)`")

// quoted returns the words in backquotes.
func quoted(cell string) []string {
	var words []string
	for _, m := range code.FindAllStringSubmatch(cell, -1) {
		words = append(words, m[1])
	}
	return words
}

// table returns the rows below a heading of docs/architecture.md.
func table(t *testing.T, heading string, columns int) [][]string {
	t.Helper()
	b, err := os.ReadFile("docs/architecture.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(b), "\n## "+heading+"\n")
	require.True(t, ok, heading)
	rest, _, _ = strings.Cut(rest, "\n## ")
	var rows [][]string
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		require.Len(t, cells, columns, line)
		rows = append(rows, cells)
	}
	require.Greater(t, len(rows), 2)
	return rows[2:]
}

func matchesAny(t *testing.T, patterns []string, name string) bool {
	t.Helper()
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		require.NoError(t, err, p)
		return ok
	})
}

// The reply to a command and to a client turned away are the only writes.
func TestHouseOnePlaceWritesToTheControlConnection(t *testing.T) {
	h := theHouse(t)
	var writers []string
	for _, file := range h.files {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if ok && h.writesControl(call) {
					writers = append(writers, f.Name.Name)
				}
				return true
			})
		}
	}
	slices.Sort(writers)
	assert.Equal(t, []string{"turnAway", "write"}, writers)
}

// writesControl finds c.nc.Write, c.raw.Write and writes to one of them by a
// function.
func (h *house) writesControl(call *ast.CallExpr) bool {
	isControl := func(e ast.Expr) bool {
		sel, ok := e.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		o := h.info.Uses[sel.Sel]
		return h.owner[o] == "conn" && (o.Name() == "nc" || o.Name() == "raw")
	}
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	name := fun.Sel.Name
	if isControl(fun.X) {
		return strings.HasPrefix(name, "Write") || name == "ReadFrom"
	}
	writes := strings.HasPrefix(name, "Write") || strings.HasPrefix(name, "Fprint") || strings.HasPrefix(name, "Copy")
	return writes && len(call.Args) > 0 && isControl(call.Args[0])
}

// packages are the folders whose exported names are for others.
func packages(t *testing.T) map[string][]*ast.File {
	t.Helper()
	set := token.NewFileSet()
	all := make(map[string][]*ast.File)
	for _, name := range sources(t, ".go") {
		outside := strings.HasPrefix(name, "internal/") || strings.HasPrefix(name, "examples/") || strings.HasPrefix(name, "tools/")
		if isTest(name) || outside {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		require.NoError(t, err)
		all[path.Dir(name)] = append(all[path.Dir(name)], file)
	}
	return all
}

func TestHouseEveryExportedNameIsDocumented(t *testing.T) {
	for dir, files := range packages(t) {
		for _, file := range files {
			for _, d := range file.Decls {
				for _, name := range undocumented(d) {
					t.Errorf("%s/%s has no doc comment", dir, name)
				}
			}
		}
	}
}

// obvious are methods whose meaning an interface gives them: the standard
// library's or one of our own.
var obvious = []string{
	"Error", "Unwrap", "String", "Read", "Write", "Close", "ServeHTTP", "Authenticate", "Begin", "Commit", "Abort",
	"Features", "Stat", "List", "Open", "Store", "Mkdir", "Remove", "RemoveDir", "Rename", "Copy", "SetAttr", "Space",
}

func undocumented(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		name, exported := functionName(d)
		if !exported || d.Doc != nil || d.Recv != nil && slices.Contains(obvious, d.Name.Name) {
			return nil
		}
		return []string{name}
	case *ast.GenDecl:
		var names []string
		for _, spec := range d.Specs {
			names = append(names, undocumentedSpec(d, spec)...)
		}
		return names
	}
	return nil
}

// undocumentedSpec lets a comment stand for a whole group, and the comment of an
// enumeration's type for its values.
func undocumentedSpec(d *ast.GenDecl, spec ast.Spec) (names []string) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil {
			names = append(names, spec.Name.Name)
		}
	case *ast.ValueSpec:
		first := d.Specs[0].(*ast.ValueSpec)
		documented := d.Doc != nil || first.Doc != nil || first.Type != nil || spec.Doc != nil || spec.Comment != nil
		for _, n := range spec.Names {
			if n.IsExported() && !documented {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

func functionName(f *ast.FuncDecl) (name string, exported bool) {
	if f.Recv == nil {
		return f.Name.Name, f.Name.IsExported()
	}
	recv := f.Recv.List[0].Type
	if star, ok := recv.(*ast.StarExpr); ok {
		recv = star.X
	}
	id, ok := recv.(*ast.Ident)
	if !ok {
		return f.Name.Name, false
	}
	return id.Name + "." + f.Name.Name, id.IsExported() && f.Name.IsExported()
}

const apiFile = "testdata/api.txt"

// What the root package exports is a promise; -update notes a new one.
func TestHouseExportedNamesAreAsAgreed(t *testing.T) {
	h := theHouse(t)
	var api []string
	for _, file := range h.files {
		for _, d := range file.Decls {
			api = append(api, h.exported(d)...)
		}
	}
	slices.Sort(api)
	got := strings.Join(api, "\n") + "\n"
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		require.NoError(t, os.WriteFile(apiFile, []byte(got), 0o644))
	}
	want, err := os.ReadFile(apiFile)
	require.NoError(t, err)
	assert.Equal(t, strings.ReplaceAll(string(want), "\r\n", "\n"), got)
}

// exported writes each exported name with its type on one line.
func (h *house) exported(d ast.Decl) (lines []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if name, ok := functionName(d); ok {
			lines = append(lines, "func "+name+strings.TrimPrefix(h.source(d.Type), "func"))
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() {
					lines = append(lines, h.exportedType(spec)...)
				}
			case *ast.ValueSpec:
				for _, n := range spec.Names {
					if n.IsExported() {
						lines = append(lines, d.Tok.String()+" "+n.Name)
					}
				}
			}
		}
	}
	return lines
}

func (h *house) exportedType(spec *ast.TypeSpec) []string {
	name := "type " + spec.Name.Name
	switch typ := spec.Type.(type) {
	case *ast.StructType:
		return append(h.members(name, typ.Fields), name+" struct")
	case *ast.InterfaceType:
		return append(h.members(name, typ.Methods), name+" interface")
	}
	return []string{name + " " + h.source(spec.Type)}
}

func (h *house) members(name string, list *ast.FieldList) (lines []string) {
	for _, f := range list.List {
		if len(f.Names) == 0 {
			lines = append(lines, name+", "+h.source(f.Type))
		}
		for _, n := range f.Names {
			if n.IsExported() {
				lines = append(lines, fmt.Sprintf("%s, %s %s", name, n.Name, h.source(f.Type)))
			}
		}
	}
	return lines
}

// source prints a node on one line.
func (h *house) source(n ast.Node) string {
	var b bytes.Buffer
	printer.Fprint(&b, h.set, n)
	return strings.Join(strings.Fields(b.String()), " ")
}

// A link to a file leads somewhere.
func TestHouseLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)
	for _, name := range sources(t, ".md") {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			_, err := os.Stat(path.Join(path.Dir(name), m[1]))
			assert.NoError(t, err, "%s: link to %s", name, m[1])
		}
	}
}

// Texts speak of the project alone: no path of anyone's machine is in them.
func TestHouseTextsNameNoMachine(t *testing.T) {
	endings := []string{".go", ".md", ".txt", ".mod", ".work", ".yml", ".yaml", ".json", ".sh", ".py", ".js", ".css", ".html", ".java", ".service", ".gitignore", ".ci/run", ".ci/allocs"}
	forbidden := regexp.MustCompile(`/(root|home/\w+|Users/\w+)/|C:\\Users`)
	for _, name := range sources(t, endings...) {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		if name != "house_test.go" {
			assert.Empty(t, forbidden.FindString(string(b)), name)
		}
	}
}

// What a build leaves behind is large, stale at once and names the machine.
func TestHouseNoProgramIsAmongTheSources(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil {
		t.Skip("not a checkout of git's")
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // deleted, not committed yet
		}
		for _, magic := range []string{"\x7fELF", "MZ", "\xcf\xfa\xed\xfe", "!<arch>"} {
			assert.False(t, bytes.HasPrefix(b, []byte(magic)), "%s is a program", name)
		}
	}
}

// The README's sample run puts Go files into the folder that the bundled server makes
// where it is started, and then the README tests the project.
func TestHouseWhatIsUploadedIsNoPackage(t *testing.T) {
	for _, module := range []string{"go.mod", "examples/go.mod"} {
		b, err := os.ReadFile(module)
		require.NoError(t, err)
		assert.Contains(t, string(b), "\nignore paradise-data\n", module)
	}
}

// Thousands of sessions idle: what they hold is memory that is always in use. The
// size is that of an allocation class of Go's.
func TestHouseAnIdleSessionStaysSmall(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(conn{}), uintptr(448))
}
