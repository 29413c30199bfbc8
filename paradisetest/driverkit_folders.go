package paradisetest

import (
	"io/fs"

	"github.com/paradiseftp/paradise"
)

func missingRules() []rule {
	return []rule{{
		name:  "root-is-folder",
		text:  `"/" always exists and is a folder: sessions start there.`,
		needs: MethodStat,
		check: func(x *exam) {
			if e := x.stat("/"); !e.IsDir() {
				x.failf(`Stat("/") has mode %v`, e.Mode)
			}
		},
	}, {
		name: "missing-names",
		text: `Stat, List, Open, Remove, RemoveDir and Rename of a name that does not exist return an error
that is (errors.Is) fs.ErrNotExist. The core turns it into 550. Any other error would become 451, after
which devices try again forever.`,
		seed: map[string]string{"/here": "x"},
		check: func(x *exam) {
			for _, c := range lookups(x, "/missing") {
				if x.has(c.method) {
					x.wantErr(c.call(), c.method.String()+" of a missing name", fs.ErrNotExist)
				}
			}
		},
	}, {
		name: "names-below-a-file",
		text: `A name that leads through a file does not exist: fs.ErrNotExist, or paradise.ErrNotDir.`,
		seed: map[string]string{"/file": "x"},
		check: func(x *exam) {
			for _, c := range lookups(x, "/file/below") {
				if x.has(c.method) {
					x.wantErr(c.call(), c.method.String()+" below a file", fs.ErrNotExist, paradise.ErrNotDir)
				}
			}
		},
	}, {
		name: "stat-describes",
		text: `Stat returns the last element of the name, the kind, and the size in bytes or -1. The mode of
a file is regular, that of a folder has fs.ModeDir.`,
		needs: MethodStat,
		seed:  map[string]string{"/d/file": "12345", "/d/empty": ""},
		check: checkStat,
	}}
}

func folderRules() []rule {
	return []rule{{
		name:  "open-folder",
		text:  `Open of a folder returns paradise.ErrIsDir: Open itself does, not the first Read.`,
		needs: MethodOpen,
		seed:  map[string]string{"/d/file": "x"},
		check: func(x *exam) {
			for _, name := range []string{"/", "/d"} {
				_, err := x.d.Open(x.ctx, x.s, name, 0)
				x.wantErr(err, "Open of a folder", paradise.ErrIsDir)
			}
		},
	}, {
		name:  "list-file",
		text:  `List of a file returns paradise.ErrNotDir: List itself does, not the range over its result.`,
		needs: MethodList,
		seed:  map[string]string{"/file": "x"},
		check: func(x *exam) {
			_, err := x.d.List(x.ctx, x.s, "/file")
			x.wantErr(err, "List of a file", paradise.ErrNotDir)
		},
	}}
}

func mkdirRules() []rule {
	return []rule{{
		name: "mkdir",
		text: `Mkdir creates an empty folder, in which files and folders can be created.`,

		needs: MethodMkdir,
		check: checkMkdir,
	}, {
		name:  "mkdir-taken",
		text:  `Mkdir of a name that exists, as a folder or a file, or of the root, returns fs.ErrExist.`,
		needs: MethodMkdir,
		seed:  map[string]string{"/d/file": "x"},
		check: func(x *exam) {
			for _, name := range []string{"/d", "/d/file", "/"} {
				x.wantErr(x.d.Mkdir(x.ctx, x.s, name), "Mkdir of "+name+", which is taken,", fs.ErrExist)
			}
		},
	}, {
		name: "mkdir-below-missing",
		text: `Mkdir creates one folder and not its parents: below a missing folder it returns
fs.ErrNotExist, below a file fs.ErrNotExist or paradise.ErrNotDir.`,
		needs: MethodMkdir,
		seed:  map[string]string{"/file": "x"},
		check: func(x *exam) {
			x.wantErr(x.d.Mkdir(x.ctx, x.s, "/missing/d"), "Mkdir below a missing folder", fs.ErrNotExist)
			x.wantAbsent("/missing", "after the refusal")
			x.wantErr(x.d.Mkdir(x.ctx, x.s, "/file/d"), "Mkdir below a file", fs.ErrNotExist, paradise.ErrNotDir)
		},
	}}
}

func checkStat(x *exam) {
	for name, size := range map[string]int64{"file": 5, "empty": 0} {
		e := x.stat("/d/" + name)
		if e.Name != name {
			x.failf("Stat(%q) calls it %q", "/d/"+name, e.Name)
		}
		if e.Size != size && e.Size != -1 {
			x.failf("Stat(%q) says it has %d bytes; it has %d", "/d/"+name, e.Size, size)
		}
		if !e.Mode.IsRegular() {
			x.failf("Stat(%q) has mode %v, which is no regular file", "/d/"+name, e.Mode)
		}
	}
	if e := x.stat("/d"); e.Name != "d" || !e.IsDir() {
		x.failf(`Stat("/d") says name %q, mode %v`, e.Name, e.Mode)
	}
}

func checkMkdir(x *exam) {
	x.mkdir("/d")
	x.wantNames("/", "after Mkdir", "d")
	x.wantNames("/d", "after Mkdir")
	if x.has(MethodStat) && !x.stat("/d").IsDir() {
		x.failf("what Mkdir made is not a folder for Stat")
	}
	x.mkdir("/d/sub")
	if x.has(MethodStore) {
		x.put("/d/file", "x")
		x.wantNames("/d", "after storing in it", "file", "sub")
	}
}
