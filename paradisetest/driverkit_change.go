package paradisetest

import (
	"errors"
	"io/fs"

	"github.com/paradiseftp/paradise"
)

func removeRules() []rule {
	return []rule{{
		name:  "remove-file",
		text:  `Remove deletes a file. The file is gone at once, and its name is free.`,
		needs: MethodRemove | MethodStore,
		seed:  map[string]string{"/file": "y"},
		check: func(x *exam) {
			x.ok(x.d.Remove(x.ctx, x.s, "/file"), "Remove")
			x.wantAbsent("/file", "after Remove")
			x.wantNames("/", "after Remove")
			x.put("/file", "again")
		},
	}, {
		name: "remove-folder",
		text: `Remove of a folder, even an empty one or the root, returns paradise.ErrIsDir and removes
nothing: DELE and RMD need different permissions.`,
		needs: MethodRemove,
		seed:  removeTree(),
		check: func(x *exam) {
			for _, name := range []string{"/d", "/empty", "/"} {
				x.wantErr(x.d.Remove(x.ctx, x.s, name), "Remove of the folder "+name, paradise.ErrIsDir)
			}
			x.wantNames("/", "after the refusals", "d", "empty", "file")
		},
	}}
}

func removeDirRules() []rule {
	return []rule{{
		name:  "removedir-empty",
		text:  `RemoveDir deletes an empty folder. The folder is gone at once.`,
		needs: MethodRemoveDir,
		seed:  removeTree(),
		check: func(x *exam) {
			x.ok(x.d.RemoveDir(x.ctx, x.s, "/empty"), "RemoveDir")
			x.wantAbsent("/empty", "after RemoveDir")
			x.wantNames("/", "after RemoveDir", "d", "file")
		},
	}, {
		name:  "removedir-full",
		text:  `RemoveDir of a folder that is not empty returns paradise.ErrNotEmpty and removes nothing.`,
		needs: MethodRemoveDir,
		seed:  removeTree(),
		check: func(x *exam) {
			x.wantErr(x.d.RemoveDir(x.ctx, x.s, "/d"), "RemoveDir of a full folder", paradise.ErrNotEmpty)
			x.wantNames("/d", "after the refusal", "file")
		},
	}, {
		name:  "removedir-file",
		text:  `RemoveDir of a file returns paradise.ErrNotDir and removes nothing.`,
		needs: MethodRemoveDir,
		seed:  removeTree(),
		check: func(x *exam) {
			x.wantErr(x.d.RemoveDir(x.ctx, x.s, "/file"), "RemoveDir of a file", paradise.ErrNotDir)
			x.wantNames("/", "after the refusal", "d", "empty", "file")
		},
	}, {
		name:  "removedir-root",
		text:  `RemoveDir of the root fails, with any error: a client must not be able to remove the storage.`,
		needs: MethodRemoveDir,
		check: func(x *exam) {
			if x.d.RemoveDir(x.ctx, x.s, "/") == nil {
				x.failf(`RemoveDir("/") succeeded`)
			}
			x.wantNames("/", "after the refusal")
		},
	}}
}

func removeTree() map[string]string {
	return map[string]string{"/d/file": "x", "/empty/": "", "/file": "y"}
}

func renameRules() []rule {
	return []rule{{
		name:  "rename-file",
		text:  `Rename gives a file another name, also in another folder. The old name is free then.`,
		needs: MethodRename,
		seed:  renameTree(),
		check: func(x *exam) {
			x.rename("/a", "/c")
			x.wantMoved("/a", "/c", "content of a")
			x.rename("/c", "/d/c")
			x.wantMoved("/c", "/d/c", "content of a")
		},
	}, {
		name:  "rename-folder",
		text:  `Rename moves a folder with everything in it.`,
		needs: MethodRename,
		seed:  renameTree(),
		check: func(x *exam) {
			x.rename("/d", "/e/moved")
			x.wantMoved("/d/file", "/e/moved/file", "x")
			x.wantNames("/", "after Rename", "a", "b", "e", "full")
		},
	}, {
		name: "rename-replaces-file",
		text: `Rename onto an existing file replaces it, in one step: clients upload under one name and
rename onto another to publish.`,
		needs: MethodRename,
		seed:  renameTree(),
		check: func(x *exam) {
			x.rename("/a", "/b")
			x.wantMoved("/a", "/b", "content of a")
		},
	}}
}

func renameRefusedRules() []rule {
	return []rule{{
		name: "rename-never-replaces-folder",
		text: `Rename onto a folder fails with fs.ErrExist (or paradise.ErrIsDir or ErrNotEmpty), even if
a folder is renamed onto an empty folder, which rename(2) would allow.`,
		needs: MethodRename,
		seed:  renameTree(),
		check: func(x *exam) {
			taken := []error{fs.ErrExist, paradise.ErrIsDir, paradise.ErrNotEmpty}
			for _, c := range []struct{ from, to string }{
				{"/a", "/e"}, {"/a", "/full"}, {"/d", "/e"}, {"/d", "/full"},
			} {
				err := x.d.Rename(x.ctx, x.s, c.from, c.to, paradise.RenameOptions{})
				x.wantErr(err, "Rename of "+c.from+" onto the folder "+c.to, taken...)
			}
			x.wantNames("/", "after the refusals", "a", "b", "d", "e", "full")
			x.wantNames("/d", "after the refusals", "file")
			x.wantNames("/e", "after the refusals")
		},
	}, {
		name:  "rename-missing",
		text:  `Rename of a missing name, and Rename to a name below a missing folder, return fs.ErrNotExist.`,
		needs: MethodRename,
		seed:  renameTree(),
		check: func(x *exam) {
			err := x.d.Rename(x.ctx, x.s, "/missing", "/b", paradise.RenameOptions{})
			x.wantErr(err, "Rename of a missing name", fs.ErrNotExist)
			err = x.d.Rename(x.ctx, x.s, "/a", "/missing/a", paradise.RenameOptions{})
			x.wantErr(err, "Rename to below a missing folder", fs.ErrNotExist)
			x.wantNames("/", "after the refusals", "a", "b", "d", "e", "full")
		},
	}, {
		name: "rename-into-itself",
		text: `Rename of a folder to a name below itself fails, with any error, and Rename of a name to itself
changes nothing. Neither may lose a file.`,
		needs: MethodRename,
		seed:  renameTree(),
		check: func(x *exam) {
			if x.d.Rename(x.ctx, x.s, "/d", "/d/sub", paradise.RenameOptions{}) == nil {
				x.failf("Rename of a folder to below itself succeeded")
			}
			_ = x.d.Rename(x.ctx, x.s, "/a", "/a", paradise.RenameOptions{})
			_ = x.d.Rename(x.ctx, x.s, "/d", "/d", paradise.RenameOptions{})
			x.wantNames("/", "afterwards", "a", "b", "d", "e", "full")
			x.wantNames("/d", "afterwards", "file")
		},
	}, {
		name: "copy",
		text: `Copy creates a second file with the same content, or returns errors.ErrUnsupported, and then
the core copies. For a missing name it may also return fs.ErrNotExist.`,
		needs:   MethodStore,
		content: true,
		seed:    map[string]string{"/a": "content of a", "/b": "content of b"},
		check:   checkCopy,
	}}
}

func renameTree() map[string]string {
	return map[string]string{"/a": "content of a", "/b": "content of b", "/d/file": "x", "/e/": "", "/full/file": "y"}
}

func (x *exam) rename(from, to string) {
	x.ok(x.d.Rename(x.ctx, x.s, from, to, paradise.RenameOptions{}), "Rename(%q, %q)", from, to)
}

func (x *exam) wantMoved(from, to, content string) {
	if x.has(MethodStat) {
		_, err := x.d.Stat(x.ctx, x.s, from)
		x.wantErr(err, "Stat of the old name after Rename", fs.ErrNotExist)
	}
	if x.canRead() {
		x.wantContent(to, content, "after Rename")
	}
}

func checkCopy(x *exam) {
	err := x.d.Copy(x.ctx, x.s, "/missing", "/c", paradise.CopyOptions{})
	x.wantErr(err, "Copy of a missing name", fs.ErrNotExist, errors.ErrUnsupported)
	err = x.d.Copy(x.ctx, x.s, "/a", "/b", paradise.CopyOptions{})
	if errors.Is(err, errors.ErrUnsupported) {
		x.wantContent("/b", "content of b", "after Copy was refused")
		return
	}
	x.ok(err, "Copy")
	x.wantContent("/b", "content of a", "after Copy")
	x.put("/a", "changed")
	x.wantContent("/b", "content of a", "after the original was changed")
}
