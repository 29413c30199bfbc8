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
		text: `Features gives the same answer whenever the same session asks. FEAT is built from it,
and a client that has read FEAT relies on it.`,
		check: checkFeaturesStable,
	}, {
		name: "unsupported-says-so",
		text: `A method that a driver is without refuses every call with errors.ErrUnsupported; one
that would change something may say fs.ErrPermission. The core turns the first into 502 and the second
into 550; another error would tell the client to try again.`,
		check: checkUnsupported,
	}, {
		name: "resume-unsupported",
		text: `Where FeatureResume is not shown, Store refuses an offset with errors.ErrUnsupported
instead of ignoring it, which would mix two files up.`,
		lacking: paradise.FeatureResume,
		needs:   MethodStore,
		seed:    map[string]string{"/f": "12345"},
		check: func(x *exam) {
			_, err := x.d.Store(x.ctx, x.s, "/f", paradise.StoreOptions{Offset: 2})
			x.wantErr(err, "Store with an offset", errors.ErrUnsupported)
		},
	}, {
		name: "range-unsupported",
		text: `Where FeatureRange is not shown, Open refuses an offset with errors.ErrUnsupported instead
of ignoring it: a client would join the head of a file with its head.`,
		lacking: paradise.FeatureRange,
		needs:   MethodOpen,
		seed:    map[string]string{"/f": "12345"},
		check: func(x *exam) {
			_, err := x.d.Open(x.ctx, x.s, "/f", 2)
			x.wantErr(err, "Open with an offset", errors.ErrUnsupported)
		},
	}, {
		name: "append-unsupported",
		text: `Where FeatureAppend is not shown, Store refuses Append on a file that exists with
errors.ErrUnsupported instead of replacing the file.`,
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

// ordinaryNames are what cameras and people send; no storage has an excuse.
var ordinaryNames = []string{
	"plain.txt", "with space.txt", "-leading-dash", ".hidden", "a.b.c", "#hash", "100%", "a+b=c&d",
	"semi;colon", "paren(1)[2]{3}", "quote's", "dollar$HOME", "~tilde", "comma,at@",
	"größe.txt", "文件.txt", "😀.jpg", "..two-dots-first",
}

// oddNames are those that some storages cannot hold.
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
		text: `Names with spaces, a leading dash, shell and glob characters and UTF-8 are kept exactly:
what was stored under a name is listed, described and read under the very same bytes.`,
		seed:  seed,
		check: checkOrdinaryNames,
	}, {
		name: "names-odd",
		text: `A name that the storage cannot hold is refused with paradise.ErrBadName at Store, and is
never changed into another one; a name that is taken is kept exactly.`,
		needs:   MethodStore,
		content: true,
		check: func(x *exam) {
			for _, name := range oddNames {
				checkTakenOrBad(x, name)
			}
		},
	}, {
		name: "names-long",
		text: `Names are as long as the client likes: one that is too long for the storage is refused
with paradise.ErrBadName at Store, never cut, and never the cause of a panic.`,
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
		text: `A name that is too long is a name that is not there: every method answers it with
fs.ErrNotExist or paradise.ErrBadName.`,
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
				x.wantErr(c.call(), c.method.String()+" of a name of 5,000 bytes", fs.ErrNotExist, paradise.ErrBadName)
			}
		}
		if x.has(MethodMkdir) && strings.Count(name, "/") > 1 {
			err := x.d.Mkdir(x.ctx, x.s, name)
			x.wantErr(err, "Mkdir deep below what is missing", fs.ErrNotExist, paradise.ErrBadName)
		}
	}
}

// lookups are the calls that need name to be there.
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
