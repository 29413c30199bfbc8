package paradisetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/paradiseftp/paradise"
)

func uploadRules() []rule {
	return []rule{{
		name:    "store-whole",
		text:    `After Commit returned nil the file holds the bytes that were written, no more and no less.`,
		needs:   MethodStore,
		content: true,
		check: func(x *exam) {
			x.put("/f", "hello, world")
			x.wantContent("/f", "hello, world", "after Commit")
			x.wantNames("/", "after Commit", "f")
		},
	}, {
		name: "store-empty",
		text: `An upload without a single Write makes an empty file. Cameras and scripts create marker
files in this way.`,
		needs:   MethodStore,
		content: true,
		check: func(x *exam) {
			x.put("/empty", "")
			x.wantContent("/empty", "", "after Commit")
		},
	}, {
		name: "store-big",
		text: `A big file that comes in chunks of odd sizes is stored byte for byte. Nothing may be
assumed of the size of a Write but that it can be anything.`,
		needs:   MethodStore,
		content: true,
		check:   checkStoreBig,
	}, {
		name: "write-keeps-nothing",
		text: `Write must not keep p, nor Begin the Head, after they return: the core uses the buffers
again at once. A driver that hands bytes to another goroutine must copy them or wait.`,
		needs:   MethodStore,
		content: true,
		check:   checkWriteKeepsNothing,
	}}
}

func invisibleRules() []rule {
	return []rule{{
		name: "store-invisible",
		text: `Until Commit nothing of an upload shows: its name is missing for Stat and Open, and its
folder lists nothing new, a temporary file included. Somebody who lists the folder would fetch half a file.`,
		needs: MethodStore,
		check: checkInvisible,
	}, {
		name: "store-keeps-old",
		text: `Until Commit a file that is being replaced keeps its content: Store must not truncate
it, nor Write change it. The upload may yet fail, and then the old file is all there is.`,
		needs:   MethodStore,
		content: true,
		seed:    map[string]string{"/f": "the old content"},
		check: func(x *exam) {
			u, err := x.d.Store(x.ctx, x.s, "/f", paradise.StoreOptions{})
			x.ok(err, "Store")
			x.wantContent("/f", "the old content", "after Store")
			x.ok(u.Begin(x.ctx, info("new")), "Begin")
			x.wantContent("/f", "the old content", "after Begin")
			x.write(u, "new")
			x.wantContent("/f", "the old content", "after Write")
			x.wantNames("/", "after Write", "f")
			x.commit(u)
			x.wantContent("/f", "new", "after Commit")
			x.wantNames("/", "after Commit", "f")
		},
	}}
}

func refusedStoreRules() []rule {
	return []rule{{
		name: "store-on-folder",
		text: `Store of a name that is a folder, the root included, returns paradise.ErrIsDir, so that
the client is refused before it sends a byte.`,
		needs: MethodStore | MethodMkdir,
		check: func(x *exam) {
			x.mkdir("/d")
			for _, name := range []string{"/d", "/"} {
				x.wantErr(x.storeRefused(name), "Store of a folder", paradise.ErrIsDir)
			}
		},
	}, {
		name: "store-below-missing",
		text: `Store below a missing folder returns fs.ErrNotExist, below a file that or
paradise.ErrNotDir. It makes no folders: the core does that where a device needs it.`,
		needs: MethodStore | MethodMkdir,
		seed:  map[string]string{"/file": "x"},
		check: func(x *exam) {
			x.wantErr(x.storeRefused("/missing/f"), "Store below a missing folder", fs.ErrNotExist)
			x.wantAbsent("/missing", "after the refusal")
			x.wantErr(x.storeRefused("/file/f"), "Store below a file", fs.ErrNotExist, paradise.ErrNotDir)
		},
	}, {
		name: "commit-without-folder",
		text: `If the folder of an upload was removed meanwhile, Commit publishes the file whole or
returns an error; it never says nil for a file that is nowhere.`,
		needs:   MethodStore | MethodMkdir | MethodRemoveDir,
		content: true,
		check:   checkFolderGone,
	}}
}

// storeRefused returns the error of a Store that should be refused, and ends
// the upload if it is not.
func (x *exam) storeRefused(name string) error {
	u, err := x.d.Store(x.ctx, x.s, name, paradise.StoreOptions{})
	if err == nil {
		u.Abort(x.ctx, errors.New("the examination expected a refusal"))
	}
	return err
}

func checkStoreBig(x *exam) {
	size := 8 << 20
	if testing.Short() {
		size = 1 << 20
	}
	data := patterned(size)
	u := x.start("/big", paradise.StoreOptions{SizeHint: int64(size)})
	sizes := []int{1, 7, 511, 512, 513, 4095, 65_537, 1, 32_768, 131_071}
	for i, rest := 0, []byte(data); len(rest) > 0; i++ {
		p := rest[:min(len(rest), sizes[i%len(sizes)])]
		n, err := u.Write(p)
		x.ok(err, "Write of %d bytes", len(p))
		if n != len(p) {
			x.failf("Write took %d of %d bytes and returned no error", n, len(p))
		}
		rest = rest[n:]
	}
	x.commit(u)
	got, err := x.read("/big")
	x.ok(err, "reading it back")
	if len(got) != size || sha256.Sum256([]byte(got)) != sha256.Sum256([]byte(data)) {
		x.failf("%d bytes were stored, and %d came back with another SHA-256", size, len(got))
	}
}

func checkWriteKeepsNothing(x *exam) {
	u, err := x.d.Store(x.ctx, x.s, "/f", paradise.StoreOptions{})
	x.ok(err, "Store")
	buf := []byte("first ")
	x.ok(u.Begin(x.ctx, paradise.UploadInfo{Head: buf, Whole: false}), "Begin")
	want := ""
	for _, word := range []string{"first ", "second", " third"} {
		copy(buf, word)
		_, err := u.Write(buf)
		x.ok(err, "Write")
		want += word
		copy(buf, "######")
	}
	x.commit(u)
	x.wantContent("/f", want, "after its buffer was used again")
}

func checkInvisible(x *exam) {
	u, err := x.d.Store(x.ctx, x.s, "/f", paradise.StoreOptions{})
	x.ok(err, "Store")
	x.wantAbsent("/f", "after Store")
	x.wantNames("/", "after Store")
	x.ok(u.Begin(x.ctx, paradise.UploadInfo{Head: []byte("half")}), "Begin")
	x.wantAbsent("/f", "after Begin")
	x.write(u, strings.Repeat("half", 50_000))
	x.wantAbsent("/f", "after Write")
	x.wantNames("/", "after Write")
	x.commit(u)
	if x.canRead() {
		x.wantContent("/f", strings.Repeat("half", 50_000), "after Commit")
	}
	x.wantNames("/", "after Commit", "f")
}

func checkFolderGone(x *exam) {
	x.mkdir("/d")
	u := x.start("/d/f", paradise.StoreOptions{})
	x.write(u, "data")
	if x.d.RemoveDir(x.ctx, x.s, "/d") != nil {
		u.Abort(x.ctx, errors.New("the folder is held by its upload"))
		return
	}
	if err := u.Commit(x.ctx); err != nil {
		u.Abort(x.ctx, fmt.Errorf("commit: %w", err))
		return
	}
	x.wantContent("/d/f", "data", "after Commit returned nil")
}
