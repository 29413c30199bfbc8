package paradisetest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/paradiseftp/paradise"
)

func listRules() []rule {
	many := make(map[string]string)
	count := 5000
	if testing.Short() {
		count = 1000
	}
	for i := range count {
		many[fmt.Sprintf("/d/file-%04d", i)] = ""
	}
	return []rule{{
		name: "list-entries",
		text: `A listing has each file and folder of the folder once, under the last element of its name,
and nothing from deeper folders. It does not have "." and "..".`,
		needs: MethodList,
		seed:  small(),
		check: checkListEntries,
	}, {
		name:  "list-root",
		text:  `The root can be listed like any other folder: it is the first thing that a client sees.`,
		needs: MethodList,
		seed:  small(),
		check: func(x *exam) { x.wantNames("/", "with what was put there", "d", "top") },
	}, {
		name: "list-agrees-with-stat",
		text: `An entry of a listing and Stat of the same name agree on kind, size and time: clients that
mirror folders compare the results of LIST, MLSD, SIZE and MDTM.`,
		needs: MethodList | MethodStat,
		seed:  small(),
		check: checkListStat,
	}, {
		name:  "list-many",
		text:  `A folder of 5,000 files is listed whole, each file once.`,
		needs: MethodList,
		seed:  many,
		check: func(x *exam) {
			names := make([]string, 0, len(many))
			for name := range many {
				names = append(names, strings.TrimPrefix(name, "/d/"))
			}
			x.wantNames("/d", "with what was put there", names...)
		},
	}}
}

func listEndRules() []rule {
	return []rule{{
		name: "list-break",
		text: `A range over a listing may end after any entry. The listing then yields nothing more. (The
rule leaks-broken-listings checks that it frees its resources.)`,
		needs: MethodList,
		seed:  small(),
		check: func(x *exam) {
			for stop := 1; stop <= 3; stop++ {
				checkBreak(x, stop)
			}
		},
	}, {
		name: "list-ends-with-context",
		text: `A listing whose context is cancelled ends soon, with an error or after its last entry. The
context is cancelled when the client goes away.`,
		needs: MethodList,
		seed:  small(),
		check: checkListCancelled,
	}}
}

func small() map[string]string {
	return map[string]string{"/d/a": "1", "/d/b": "22", "/d/sub/c": "333", "/top": ""}
}

func checkListEntries(x *exam) {
	entries, err := x.list("/d")
	x.ok(err, `listing "/d"`)
	seen := make(map[string]bool)
	for _, e := range entries {
		if e.Name == "." || e.Name == ".." || e.Name == "" || strings.Contains(e.Name, "/") {
			x.failf("the listing has an entry %q", e.Name)
		}
		if seen[e.Name] {
			x.failf("the listing has %q twice", e.Name)
		}
		seen[e.Name] = true
		if e.IsDir() != (e.Name == "sub") {
			x.failf("the listing says of %q that it has mode %v", e.Name, e.Mode)
		}
	}
	x.wantNames("/d", "with what was put there", "a", "b", "sub")
}

func checkListStat(x *exam) {
	entries, err := x.list("/d")
	x.ok(err, `listing "/d"`)
	for _, e := range entries {
		s := x.stat("/d/" + e.Name)
		if e.Mode.Type() != s.Mode.Type() || !e.ModTime.Equal(s.ModTime) {
			x.failf("%q is %v of %v in the listing, %v of %v for Stat",
				e.Name, e.Mode, e.ModTime, s.Mode, s.ModTime)
		}
		if !e.IsDir() && e.Size != s.Size && e.Size >= 0 && s.Size >= 0 {
			x.failf("%q has %d bytes in the listing, %d for Stat", e.Name, e.Size, s.Size)
		}
	}
}

func checkBreak(x *exam, stop int) {
	l, err := x.d.List(x.ctx, x.s, "/d")
	x.ok(err, `List("/d")`)
	n := 0
	broken := false
	l(func(_ paradise.Entry, err error) bool {
		if broken {
			n = -1 // in a range statement, Go's own check would panic here
			return false
		}
		x.ok(err, "listing")
		n++
		broken = n == stop
		return !broken
	})
	if n != stop {
		x.failf("the listing went on after a break at entry %d", stop)
	}
}

func checkListCancelled(x *exam) {
	ctx, cancel := context.WithCancel(x.ctx)
	defer cancel()
	l, err := x.d.List(ctx, x.s, "/d")
	x.ok(err, `List("/d")`)
	err = x.within(x.o.Patience, func() error {
		for range l {
			cancel()
		}
		return nil
	})
	x.ok(err, "ranging on after the context was cancelled")
}
