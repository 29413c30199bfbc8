package osfs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

func BenchmarkStoreSmall(b *testing.B) {
	block := make([]byte, 1<<10)
	for _, name := range []string{"/f%d", "/a/b/c/d/f%d"} {
		for _, overwrite := range []bool{false, true} {
			for kind, named := range kinds {
				b.Run(fmt.Sprintf("depth %d/overwrite %v/%s", len(filepath.SplitList(name))+len(name)/2-2, overwrite, kind), func(b *testing.B) {
					d, dir := open(b, Options{})
					d.at.Load().named.Store(named)
					require.NoError(b, os.MkdirAll(filepath.Join(dir, "a/b/c/d"), 0o755))
					n := 0
					for b.Loop() {
						if !overwrite {
							n++
						}
						u, err := d.Store(ctx, session, fmt.Sprintf(name, n), paradise.StoreOptions{})
						if err != nil {
							b.Fatal(err)
						}
						if err := u.Begin(ctx, paradise.UploadInfo{}); err != nil {
							b.Fatal(err)
						}
						if _, err := u.Write(block); err != nil {
							b.Fatal(err)
						}
						if err := u.Commit(ctx); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	d, dir := open(b, Options{})
	put(b, dir, "f", "x")
	put(b, dir, "a/b/c/d/f", "x")
	for _, name := range []string{"/f", "/a/b/c/d/f"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f, err := d.Open(ctx, session, name, 0)
				if err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		})
	}
}

func BenchmarkList10000(b *testing.B) {
	d, dir := open(b, Options{})
	for i := range 10_000 {
		put(b, dir, fmt.Sprintf("file-%05d.bin", i), "")
	}
	b.ReportAllocs()
	for b.Loop() {
		l, err := d.List(ctx, session, "/")
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for _, err := range l {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 10_000 {
			b.Fatal(n)
		}
	}
}
