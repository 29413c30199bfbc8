package paradisetest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync/atomic"

	"github.com/paradiseftp/paradise"
)

// The rules of this file are about conditions that must hold at the moment of a change,
// even if others have changed the storage since the caller looked at it.
func renameActRules() []rule {
	return []rule{{
		name: "rename-noreplace",
		text: `With NoReplace, Rename to a name that exists, as a file or a folder, fails with fs.ErrExist and
changes nothing; Rename to a free name succeeds. The core uses it if a user may not replace files.`,
		needs: MethodRename,
		seed:  renameTree(),
		check: checkRenameNoReplace,
	}, {
		name: "rename-noreplace-once",
		text: `Of many concurrent renames to one name, all with NoReplace, exactly one succeeds, and the
other files keep their names.`,
		needs: MethodRename,
		check: checkRenameNoReplaceOnce,
	}, {
		name: "rename-only-folder",
		text: `With Folder, Rename of a file fails with paradise.ErrNotDir. The core uses it if a user may
create folders and not files.`,
		needs: MethodRename,
		seed:  renameTree(),
		check: func(x *exam) {
			o := paradise.RenameOptions{Folder: true}
			x.wantErr(x.d.Rename(x.ctx, x.s, "/a", "/c", o), "Rename of a file with Folder", paradise.ErrNotDir)
			x.ok(x.d.Rename(x.ctx, x.s, "/d", "/moved", o), "Rename of a folder with Folder")
			x.wantNames("/", "afterwards", "a", "b", "e", "full", "moved")
		},
	}, {
		name: "rename-version",
		text: `With Version, Rename of a file that has another version by now fails with paradise.ErrBusy.
The core uses it if the new name is allowed only because of the file's content.`,
		needs: MethodRename | MethodStat | MethodStore,
		check: checkRenameVersion,
	}}
}

func checkRenameVersion(x *exam) {
	x.put("/f", "one")
	o := paradise.RenameOptions{Version: x.stat("/f").Version}
	if o.Version == "" {
		return
	}
	x.put("/f", "two")
	err := x.d.Rename(x.ctx, x.s, "/f", "/g", o)
	x.wantErr(err, "Rename of a file with the Version that it had before", paradise.ErrBusy)
	x.wantAbsent("/g", "after the refusal")
	o.Version = x.stat("/f").Version
	x.ok(x.d.Rename(x.ctx, x.s, "/f", "/g", o), "Rename of a file with its Version")
	x.wantAbsent("/f", "afterwards")
}

func storeActRules() []rule {
	return []rule{{
		name: "existing",
		text: `With Existing, an upload to a name that does not exist fails with fs.ErrNotExist, at Store or at
Commit, even if the file was removed in between. A storage that cannot guarantee this returns
errors.ErrUnsupported from Store.`,
		needs:   MethodStore,
		content: true,
		seed:    digits(),
		check:   checkExisting,
	}, {
		name: "append-exclusive",
		text: `Append with Exclusive creates a new file, or fails with fs.ErrExist, even if the name was taken
between Store and Commit.`,
		needs:    MethodStore,
		content:  true,
		features: paradise.FeatureAppend,
		seed:     digits(),
		check:    checkAppendExclusive,
	}}
}

func copyActRules() []rule {
	return []rule{{
		name: "copy-noreplace",
		text: `Copy with NoReplace to a name that exists fails with fs.ErrExist, unless Copy always returns
errors.ErrUnsupported.`,
		needs:   MethodStore,
		content: true,
		seed:    map[string]string{"/a": "content of a", "/b": "content of b"},
		check: func(x *exam) {
			o := paradise.CopyOptions{NoReplace: true}
			x.wantErr(x.d.Copy(x.ctx, x.s, "/a", "/b", o), "Copy with NoReplace", fs.ErrExist, errors.ErrUnsupported)
			x.wantContent("/b", "content of b", "after Copy was refused")
		},
	}, {
		name: "copy-accept",
		text: `Copy calls Accept with the content of the copy before the copy appears, and creates no copy if
Accept returns an error; or Copy returns errors.ErrUnsupported.`,
		needs:   MethodStore,
		content: true,
		seed:    map[string]string{"/a": "content of a", "/b": "content of b"},
		check:   checkCopyAccept,
	}, {
		name: "version",
		text: `Entry.Version, if Stat sets it, changes with the content, even if the size stays the same, and not
by itself. It may change with each upload of the same content too. A journal and the core use it to
tell whether a file is still the one they have seen.`,
		needs: MethodStat | MethodStore,
		check: checkVersion,
	}}
}

func checkRenameNoReplace(x *exam) {
	o := paradise.RenameOptions{NoReplace: true}
	for _, c := range []struct{ from, to string }{
		{"/a", "/b"}, {"/a", "/e"}, {"/a", "/full"}, {"/d", "/b"}, {"/d", "/e"},
	} {
		err := x.d.Rename(x.ctx, x.s, c.from, c.to, o)
		x.wantErr(err, "Rename of "+c.from+" onto "+c.to+" with NoReplace", fs.ErrExist)
	}
	x.wantNames("/", "after the refusals", "a", "b", "d", "e", "full")
	if x.canRead() {
		x.wantContent("/b", "content of b", "after the refusals")
	}
	x.ok(x.d.Rename(x.ctx, x.s, "/a", "/free", o), "Rename with NoReplace to a free name")
	x.wantMoved("/a", "/free", "content of a")
}

func checkRenameNoReplaceOnce(x *exam) {
	const many = 8
	for i := range many {
		x.put(fmt.Sprintf("/from-%d", i), strconv.Itoa(i))
	}
	var won atomic.Int32
	x.together(many, func(i int) error {
		err := x.d.Rename(x.ctx, x.s, fmt.Sprintf("/from-%d", i), "/to", paradise.RenameOptions{NoReplace: true})
		if err == nil {
			won.Add(1)
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	})
	if n := won.Load(); n != 1 {
		x.failf("%d of %d renames to one name with NoReplace succeeded; one must", n, many)
	}
	if names, err := x.list("/"); x.has(MethodList) && (err != nil || len(names) != many) {
		x.failf("%d files are left of %d (%v); none may be lost", len(names), many, err)
	}
}

func checkExisting(x *exam) {
	o := paradise.StoreOptions{Existing: true}
	err := x.store("/f", "new", o)
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	x.ok(err, "storing with Existing over a file")
	x.wantContent("/f", "new", "after a Store with Existing")
	x.wantErr(x.store("/free", "new", o), "Store with Existing of a free name", fs.ErrNotExist)
	if !x.has(MethodRemove) {
		return
	}
	u := x.start("/f", o)
	x.write(u, "late")
	x.ok(x.d.Remove(x.ctx, x.s, "/f"), "Remove while an upload runs")
	err = u.Commit(x.ctx)
	u.Abort(x.ctx, err)
	x.wantErr(err, "Commit with Existing of a name that was removed", fs.ErrNotExist)
	x.wantAbsent("/f", "after the refusal")
}

func checkAppendExclusive(x *exam) {
	o := paradise.StoreOptions{Append: true, Exclusive: true}
	err := x.store("/f", "more", o)
	x.wantErr(err, "Store with Append and Exclusive of a taken name", fs.ErrExist, errors.ErrUnsupported)
	if !x.hasExclusive() {
		return
	}
	u := x.start("/free", o)
	x.write(u, "late")
	x.put("/free", "sooner")
	err = u.Commit(x.ctx)
	u.Abort(x.ctx, err)
	x.wantErr(err, "Commit with Append and Exclusive of a name that was taken", fs.ErrExist)
	x.wantContent("/free", "sooner", "after the refusal")
}

func checkCopyAccept(x *exam) {
	refusal := errors.New("not this")
	asked := ""
	o := paradise.CopyOptions{Accept: func(head []byte, size int64) error {
		asked = fmt.Sprintf("%q of %d bytes", head, size)
		return refusal
	}}
	err := x.d.Copy(x.ctx, x.s, "/a", "/b", o)
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	x.wantErr(err, "Copy that Accept refused", refusal)
	if want := `"content of a" of 12 bytes`; asked != want {
		x.failf("Copy asked Accept about %s; it must ask about the copy, %s", cmp.Or(asked, "nothing"), want)
	}
	x.wantContent("/b", "content of b", "after Accept refused")
}

func checkVersion(x *exam) {
	x.put("/f", "one")
	known := map[string]string{}
	for _, content := range []string{"one", "two", "one", ""} {
		x.put("/f", content)
		v := x.stat("/f").Version
		if v == "" {
			return
		}
		if again := x.stat("/f").Version; again != v {
			x.failf("Version was %q and then %q although nothing changed", v, again)
		}
		if former, taken := known[v]; taken && former != content {
			x.failf("Version is %q both of %q and of %q", v, former, content)
		}
		known[v] = content
	}
}
