package paradisetest

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/paradiseftp/paradise"
)

func featureRules() []rule {
	return []rule{{
		name: "features-stable",
		text: `Features always returns the same value for the same session. FEAT is built from it, and a
client that has read FEAT relies on it.`,
		check: checkFeaturesStable,
	}, {
		name: "unsupported-says-so",
		text: `A method that a driver does not have refuses every call with errors.ErrUnsupported; a method
that would change something may return fs.ErrPermission instead. The core turns the first into 502 and
the second into 550; another error would tell the client to try again.`,
		check: checkUnsupported,
	}, {
		name: "resume-unsupported",
		text: `If Features does not show FeatureResume, Store refuses an offset with errors.ErrUnsupported.
Ignoring the offset would mix up two files.`,
		lacking: paradise.FeatureResume,
		needs:   MethodStore,
		seed:    map[string]string{"/f": "12345"},
		check: func(x *exam) {
			_, err := x.d.Store(x.ctx, x.s, "/f", paradise.StoreOptions{Offset: 2})
			x.wantErr(err, "Store with an offset", errors.ErrUnsupported)
		},
	}, {
		name: "range-unsupported",
		text: `If Features does not show FeatureRange, Open refuses an offset with errors.ErrUnsupported.
If it ignored the offset, a client that resumes would get the start of the file twice.`,
		lacking: paradise.FeatureRange,
		needs:   MethodOpen,
		seed:    map[string]string{"/f": "12345"},
		check: func(x *exam) {
			_, err := x.d.Open(x.ctx, x.s, "/f", 2)
			x.wantErr(err, "Open with an offset", errors.ErrUnsupported)
		},
	}, {
		name: "append-unsupported",
		text: `If Features does not show FeatureAppend, Store refuses Append on an existing file with
errors.ErrUnsupported. It must not replace the file.`,
		lacking: paradise.FeatureAppend,
		needs:   MethodStore,
		seed:    map[string]string{"/f": "12345"},
		check: func(x *exam) {
			err := x.store("/f", "more", paradise.StoreOptions{Append: true})
			x.wantErr(err, "Store with Append", errors.ErrUnsupported)
			if x.canRead() {
				x.wantContent("/f", "12345", "after the refusal")
			}
		},
	}}
}

func checkFeaturesStable(x *exam) {
	first := x.d.Features(x.s)
	for range 10 {
		if again := x.d.Features(x.s); again != first {
			x.failf("Features returned %b and later %b", first, again)
		}
	}
}

func checkUnsupported(x *exam) {
	calls := []lookup{
		{MethodStat, func() error { _, err := x.d.Stat(x.ctx, x.s, "/f"); return err }},
		{MethodList, func() error { _, err := x.d.List(x.ctx, x.s, "/"); return err }},
		{MethodOpen, func() error { _, err := x.d.Open(x.ctx, x.s, "/f", 0); return err }},
		{MethodStore, func() error { _, err := x.d.Store(x.ctx, x.s, "/f", paradise.StoreOptions{}); return err }},
		{MethodMkdir, func() error { return x.d.Mkdir(x.ctx, x.s, "/d") }},
		{MethodRemove, func() error { return x.d.Remove(x.ctx, x.s, "/f") }},
		{MethodRemoveDir, func() error { return x.d.RemoveDir(x.ctx, x.s, "/d") }},
		{MethodRename, func() error { return x.d.Rename(x.ctx, x.s, "/f", "/g", paradise.RenameOptions{}) }},
	}
	for _, c := range calls {
		if x.has(c.method) {
			continue
		}
		allowed := []error{errors.ErrUnsupported}
		if c.method&WithoutWrites != 0 {
			allowed = append(allowed, fs.ErrPermission)
		}
		for range 2 {
			x.wantErr(c.call(), c.method.String(), allowed...)
		}
	}
}

// ordinaryNames are names that cameras and people use; every storage must accept them.
var ordinaryNames = []string{
	"plain.txt", "with space.txt", "-leading-dash", ".hidden", "a.b.c", "#hash", "100%", "a+b=c&d",
	"semi;colon", "paren(1)[2]{3}", "quote's", "dollar$HOME", "~tilde", "comma,at@",
	"größe.txt", "文件.txt", "😀.jpg", "..two-dots-first",
}

// oddNames are names that some storages cannot hold.
var oddNames = []string{
	`double"quote`, "star*", "question?", `back\slash`, "colon:name", "pipe|", "<angle>", "...",
	"trailing dot.", "trailing space ", " leading space", "CON", "aux.txt", "tab\tname", "bell\a",
	"not utf-8 \xff\xfe",
}

func nameRules() []rule {
	seed := make(map[string]string)
	for _, name := range ordinaryNames {
		seed["/"+name] = "content of " + name
	}
	return []rule{{
		name: "names-ordinary",
		text: `Names with spaces, a leading dash, shell and glob characters and UTF-8 are kept exactly: a
file is listed, described and read under the very same bytes under which it was stored.`,
		seed:  seed,
		check: checkOrdinaryNames,
	}, {
		name: "names-odd",
		text: `A name that the storage cannot hold is refused with paradise.ErrBadName at Store, and never
changed into another one; a name that it accepts is kept exactly.`,
		needs:   MethodStore,
		content: true,
		check: func(x *exam) {
			for _, name := range oddNames {
				checkTakenOrBad(x, name)
			}
		},
	}, {
		name: "names-long",
		text: `A client may send a name of any length. A name that is too long for the storage is refused with
paradise.ErrBadName at Store; it is never cut and never causes a panic.`,
		needs:   MethodStore,
		content: true,
		check: func(x *exam) {
			for _, size := range []int{200, 255, 256, 1024, 5000} {
				checkTakenOrBad(x, strings.Repeat("n", size))
			}
			checkTakenOrBad(x, strings.Repeat("語", 100)) // 300 bytes
		},
	}, {
		name: "names-long-missing",
		text: `A name that is too long does not exist: every method returns fs.ErrNotExist or
paradise.ErrBadName for it.`,
		check: checkLongMissing,
	}}
}

func checkOrdinaryNames(x *exam) {
	x.wantNames("/", "with ordinary names", ordinaryNames...)
	for _, name := range ordinaryNames {
		if x.canRead() {
			x.wantContent("/"+name, "content of "+name, "after storing")
		}
		if !x.has(MethodStat) {
			continue
		}
		if e := x.stat("/" + name); e.Name != name {
			x.failf("Stat(%q) calls it %q", "/"+name, e.Name)
		}
	}
}

func checkTakenOrBad(x *exam, name string) {
	data := "content of " + name
	err := x.store("/"+name, data, paradise.StoreOptions{})
	if err == nil {
		x.wantContent("/"+name, data, "after storing")
		checkListed(x, name)
		return
	}
	x.wantErr(err, fmt.Sprintf("storing %s", short(name)), paradise.ErrBadName)
	if _, err := x.read("/" + name); err == nil {
		x.failf("Store refused %s, but it can be read", short(name))
	}
}

func checkListed(x *exam, name string) {
	if !x.has(MethodList) {
		return
	}
	entries, err := x.list("/")
	x.ok(err, `listing "/"`)
	for _, e := range entries {
		if e.Name == name {
			return
		}
	}
	x.failf("%s was stored, but no entry of its folder has that name", short(name))
}

func checkLongMissing(x *exam) {
	names := []string{"/" + strings.Repeat("n", 5000), strings.Repeat("/deep", 1000)}
	for _, name := range names {
		for _, c := range lookups(x, name) {
			if x.has(c.method) {
				doing := c.method.String() + " of a name of 5,000 bytes"
				x.wantErr(c.call(), doing, fs.ErrNotExist, paradise.ErrBadName)
			}
		}
		if x.has(MethodMkdir) && strings.Count(name, "/") > 1 {
			err := x.d.Mkdir(x.ctx, x.s, name)
			x.wantErr(err, "Mkdir deep below what is missing", fs.ErrNotExist, paradise.ErrBadName)
		}
	}
}

// lookups returns the calls that need name to exist.
func lookups(x *exam, name string) []lookup {
	return []lookup{
		{MethodStat, func() error { _, err := x.d.Stat(x.ctx, x.s, name); return err }},
		{MethodList, func() error { _, err := x.d.List(x.ctx, x.s, name); return err }},
		{MethodOpen, func() error { _, err := x.d.Open(x.ctx, x.s, name, 0); return err }},
		{MethodRemove, func() error { return x.d.Remove(x.ctx, x.s, name) }},
		{MethodRemoveDir, func() error { return x.d.RemoveDir(x.ctx, x.s, name) }},
		{MethodRename, func() error { return x.d.Rename(x.ctx, x.s, name, "/new-name", paradise.RenameOptions{}) }},
	}
}

type lookup struct {
	method Method
	call   func() error
}
