package paradisetest

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/paradiseftp/paradise"
)

func concurrencyRules() []rule {
	return []rule{{
		name: "two-uploads-one-name",
		text: `Two uploads to one name do not disturb each other, whatever the order of their Writes: each
keeps its own bytes, and the last Commit wins with its whole file.`,
		needs:   MethodStore,
		content: true,
		check:   checkTwoUploads,
	}, {
		name:    "uploads-at-once",
		text:    `After a hundred concurrent uploads, half of them aborted, exactly the committed files exist.`,
		needs:   MethodStore,
		content: true,
		check:   checkUploadsAtOnce,
	}, {
		name: "one-name-many-writers",
		text: `A reader of a name to which many clients upload at once sees one of the files whole, never a
mixture and never half of one.`,
		needs:   MethodStore,
		content: true,
		seed:    map[string]string{"/f": wholeFile(0)},
		check:   checkManyWriters,
	}, {
		name: "everything-at-once",
		text: `All methods may be called at once from many goroutines. Errors are allowed when two calls
conflict; panics, blocking and, under go test -race, data races are not.`,
		needs: MethodStore,
		check: checkEverything,
	}}
}

func checkTwoUploads(x *exam) {
	a, b := x.start("/f", paradise.StoreOptions{}), x.start("/f", paradise.StoreOptions{})
	for range 10 {
		x.write(a, "aaaa")
		x.write(b, "bb")
	}
	x.commit(a)
	x.wantContent("/f", strings.Repeat("aaaa", 10), "after the first Commit")
	x.write(b, "bb")
	x.commit(b)
	x.wantContent("/f", strings.Repeat("bb", 11), "after the second Commit")
	x.wantNames("/", "after both", "f")
}

func checkUploadsAtOnce(x *exam) {
	const uploads = 100
	x.together(uploads, func(i int) error {
		data := strings.Repeat(fmt.Sprintf("upload %d ", i), 1000)
		if i%2 == 0 {
			return x.store(fmt.Sprintf("/f%d", i), data, paradise.StoreOptions{})
		}
		u, err := x.begin(x.ctx, fmt.Sprintf("/f%d", i), data, paradise.StoreOptions{})
		if err != nil {
			return err
		}
		err = write(u, data)
		u.Abort(x.ctx, errExam)
		return err
	})
	var names []string
	for i := 0; i < uploads; i += 2 {
		name := fmt.Sprintf("f%d", i)
		x.wantContent("/"+name, strings.Repeat(fmt.Sprintf("upload %d ", i), 1000), "after a hundred uploads")
		x.wantAbsent(fmt.Sprintf("/f%d", i+1), "after its Abort")
		names = append(names, name)
	}
	x.wantNames("/", "after a hundred uploads", names...)
}

// wholeFile returns a content that shows whether it is whole: its first byte determines
// its length and every other byte.
func wholeFile(i int) string {
	return strings.Repeat(string(rune('a'+i)), 10_000+i*1000)
}

func checkManyWriters(x *exam) {
	const writers, rounds = 8, 10
	var writing atomic.Int32
	writing.Store(writers)
	x.together(2*writers, func(i int) error {
		if i >= writers {
			return readWhole(x, func() bool { return writing.Load() > 0 })
		}
		defer writing.Add(-1)
		for range rounds {
			if err := x.store("/f", wholeFile(i), paradise.StoreOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
	x.wantNames("/", "after all writers", "f")
}

// readWhole reads "/f" again and again while more returns true, and once more after that.
func readWhole(x *exam, more func() bool) error {
	for {
		last := !more()
		got, err := x.read("/f")
		if err != nil {
			return fmt.Errorf("reading beside the writers: %w", err)
		}
		if got == "" || got != wholeFile(int(got[0]-'a')) {
			return fmt.Errorf("a reader beside the writers got a file that nobody wrote: %s", short(got))
		}
		if last {
			return nil
		}
	}
}

func checkEverything(x *exam) {
	x.together(8, func(i int) error {
		for round := range 20 {
			everything(x, fmt.Sprintf("/f%d", (i+round)%3), fmt.Sprintf("/d%d", (i+round)%2))
		}
		return nil
	})
}

// everything calls each method once and ignores the results.
func everything(x *exam, file, dir string) {
	ctx, cancel := context.WithCancel(x.ctx)
	defer cancel()
	_ = x.store(file, "data", paradise.StoreOptions{})
	_, _ = x.d.Stat(ctx, x.s, file)
	_, _ = x.list("/")
	_, _ = x.readFrom(file, 0)
	_ = x.d.Mkdir(ctx, x.s, dir)
	_ = x.store(dir+"/f", "data", paradise.StoreOptions{Append: true})
	_ = x.d.SetAttr(ctx, x.s, file, paradise.Attr{SetMode: true, Mode: 0o600})
	_ = x.d.Copy(ctx, x.s, file, file+".copy", paradise.CopyOptions{})
	_ = x.d.Rename(ctx, x.s, file, dir+"/g", paradise.RenameOptions{})
	_ = x.d.Remove(ctx, x.s, dir+"/f")
	_ = x.d.Remove(ctx, x.s, dir+"/g")
	_ = x.d.RemoveDir(ctx, x.s, dir)
	_, _ = x.d.Space(ctx, x.s, "/")
	_ = x.d.Features(x.s)
}
