package paradise

import (
	"fmt"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The rooms: groups of the root's files that stand one above the other in
// docs/architecture.md. A room uses what is in it or below it.

// room is a row of the table.
type room struct {
	name    string
	files   []string // patterns
	imports []string // that are forbidden
}

func rooms(t *testing.T) []room {
	t.Helper()
	var all []room
	for _, row := range table(t, "Rooms", 4) {
		all = append(all, room{quoted(row[0])[0], quoted(row[2]), quoted(row[3])})
	}
	return all
}

// roomOf finds the room of a file by its place from the top.
func roomOf(t *testing.T, all []room, file string) int {
	t.Helper()
	found := -1
	for i, r := range all {
		if matchesAny(t, r.files, file) {
			assert.Negative(t, found, "%s stands in two rooms of docs/architecture.md", file)
			found = i
		}
	}
	require.GreaterOrEqual(t, found, 0, "%s must stand in a room of docs/architecture.md", file)
	return found
}

func TestHouseEveryFileHasOneRoom(t *testing.T) {
	all := rooms(t)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if !isTest(file) {
			roomOf(t, all, file)
		}
	}
	for _, r := range all {
		for _, pattern := range r.files {
			found, err := filepath.Glob(pattern)
			require.NoError(t, err)
			assert.NotEmpty(t, found, "room %s has %s, which does not exist", r.name, pattern)
		}
	}
}

func TestHouseNoRoomUsesWhatIsAboveIt(t *testing.T) {
	all := rooms(t)
	for goos, h := range allHouses(t) {
		for _, use := range upward(t, all, h) {
			t.Errorf("%s: %s", goos, use)
		}
	}
}

// With the order turned round nearly everything is used from above. Each kind of
// declaration is found, and a method behind a type of another package as well.
func TestHouseAUseOfWhatIsAboveIsFound(t *testing.T) {
	all := rooms(t)
	slices.Reverse(all)
	found := strings.Join(upward(t, all, theHouse(t)), "\n")
	for _, want := range []string{
		"in room handlers uses FileDriver.Remove of room contract above it",
		"in room handlers uses Policy.Deny of room contract above it",
		"in room handlers uses ErrBadName of room contract above it",
		"in room handlers uses PermCreate of room contract above it",
		"in room handlers uses Entry of room contract above it",
		"in room handlers uses replyFor of room types above it",
		"in room loop uses dataChan.noteRefusal of room channels above it", // by way of atomic.Pointer
		"in room loop uses services.log of room services above it",         // by way of env
	} {
		assert.Contains(t, found, want)
	}
}

// upward lists the uses of declarations from rooms above: where, what, and both rooms.
func upward(t *testing.T, all []room, h *house) []string {
	t.Helper()
	at := make(map[string]int)
	for file := range h.files {
		at[file] = roomOf(t, all, file)
	}
	var found []string
	for id, o := range h.info.Uses {
		if o.Pkg() != h.pkg || !declared(h.pkg, o) {
			continue
		}
		use, home := h.set.Position(id.Pos()), h.set.Position(o.Pos())
		below, above := at[use.Filename], at[home.Filename]
		if above < below {
			found = append(found, fmt.Sprintf("%s:%d in room %s uses %s of room %s above it (%s)",
				use.Filename, use.Line, all[below].name, h.nameOf(o), all[above].name, home.Filename))
		}
	}
	return found
}

// declared reports whether o is a declaration of the package, a field or a method: no
// parameter, variable or label of a function.
func declared(pkg *types.Package, o types.Object) bool {
	switch o := o.(type) {
	case *types.Var:
		return o.IsField() || o.Parent() == pkg.Scope()
	case *types.Func:
		return true
	}
	return o.Parent() == pkg.Scope()
}

func (h *house) nameOf(o types.Object) string {
	if owner := h.owner[o]; owner != "" {
		return owner + "." + o.Name()
	}
	return o.Name()
}

func TestHouseRoomsImportWhatTheyMay(t *testing.T) {
	all := rooms(t)
	for _, h := range allHouses(t) {
		for file := range h.files {
			r := all[roomOf(t, all, file)]
			for _, i := range h.imports(file) {
				assert.NotContains(t, r.imports, i, "%s in room %s must not import it", file, r.name)
			}
		}
	}
}

func TestHouseSomeImportsHaveOnePlace(t *testing.T) {
	for _, row := range table(t, "Imported only in", 2) {
		what, files := quoted(row[0])[0], quoted(row[1])
		if len(files) == 0 {
			assert.Contains(t, row[1], "nowhere")
		}
		for _, h := range allHouses(t) {
			for file := range h.files {
				if !matchesAny(t, files, file) {
					assert.NotContains(t, h.imports(file), what, file)
				}
			}
		}
	}
}
