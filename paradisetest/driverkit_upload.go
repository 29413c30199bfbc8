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
		text:    `After Commit has returned nil, the file holds exactly the bytes that were written.`,
		needs:   MethodStore,
		content: true,
		check: func(x *exam) {
			x.put("/f", "hello, world")
			x.wantContent("/f", "hello, world", "after Commit")
			x.wantNames("/", "after Commit", "f")
		},
	}, {
		name: "store-empty",
		text: `An upload without a single Write creates an empty file. Cameras and scripts create marker
files in this way.`,
		needs:   MethodStore,
		content: true,
		check: func(x *exam) {
			x.put("/empty", "")
			x.wantContent("/empty", "", "after Commit")
		},
	}, {
		name: "store-big",
		text: `A big file that comes in chunks of odd sizes is stored byte for byte. A driver must not assume
anything about the size of a Write.`,
		needs:   MethodStore,
		content: true,
		check:   checkStoreBig,
	}, {
		name: "write-keeps-nothing",
		text: `Write must not keep p after it returns, nor Begin the Head: the core reuses the buffers at
once. A driver that passes bytes to another goroutine must copy them or wait.`,
		needs:   MethodStore,
		content: true,
		check:   checkWriteKeepsNothing,
	}}
}

func invisibleRules() []rule {
	return []rule{{
		name: "store-invisible",
		text: `Until Commit nothing of an upload is visible: its name does not exist for Stat and Open, and its
folder lists nothing new, not even a temporary file. A client that sees such a file could fetch half of it.`,
		needs: MethodStore,
		check: checkInvisible,
	}, {
		name: "store-keeps-old",
		text: `Until Commit a file that is being replaced keeps its content: Store must not truncate it, and
Write must not change it. The upload may still fail, and then the old file must be there.`,
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
		text: `Store to the name of a folder, or to the root, returns paradise.ErrIsDir, so that the client is
refused before it sends a byte.`,
		needs: MethodStore | MethodMkdir,
		check: func(x *exam) {
			x.mkdir("/d")
			for _, name := range []string{"/d", "/"} {
				x.wantErr(x.storeRefused(name), "Store of a folder", paradise.ErrIsDir)
			}
		},
	}, {
		name: "store-below-missing",
		text: `Store below a missing folder returns fs.ErrNotExist, below a file fs.ErrNotExist or
paradise.ErrNotDir. It creates no folders: the core does that for devices that need it.`,
		needs: MethodStore | MethodMkdir,
		seed:  map[string]string{"/file": "x"},
		check: func(x *exam) {
			x.wantErr(x.storeRefused("/missing/f"), "Store below a missing folder", fs.ErrNotExist)
			x.wantAbsent("/missing", "after the refusal")
			x.wantErr(x.storeRefused("/file/f"), "Store below a file", fs.ErrNotExist, paradise.ErrNotDir)
		},
	}, {
		name: "commit-without-folder",
		text: `If the folder of an upload was removed meanwhile, Commit publishes the whole file or returns an
error; it never returns nil for a file that does not exist.`,
		needs:   MethodStore | MethodMkdir | MethodRemoveDir,
		content: true,
		check:   checkFolderGone,
	}}
}

// storeRefused returns the error of a Store that should fail, and aborts the upload if
// it does not.
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
