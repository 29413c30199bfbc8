package osfs

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

func TestListingDescribesFilesFoldersAndLinks(t *testing.T) {
	d, dir := open(t, Options{Owners: NumericOwners})
	put(t, dir, "sub/x", "")
	put(t, dir, "f", "12345")
	require.NoError(t, os.Symlink("some/where", filepath.Join(dir, "link")))
	found := map[string]paradise.Entry{}
	l, err := d.List(ctx, session, "/")
	require.NoError(t, err)
	for e, err := range l {
		require.NoError(t, err)
		found[e.Name] = e
	}
	require.Len(t, found, 3)
	fi, err := os.Lstat(filepath.Join(dir, "f"))
	require.NoError(t, err)
	f := found["f"]
	assert.Equal(t, int64(5), f.Size)
	assert.Equal(t, fi.Mode(), f.Mode)
	assert.True(t, fi.ModTime().Equal(f.ModTime))
	assert.True(t, found["sub"].IsDir())
	assert.Equal(t, fs.ModeSymlink, found["link"].Mode.Type())
	assert.Equal(t, "some/where", filepath.ToSlash(found["link"].Target))

	stat, err := d.Stat(ctx, session, "/f")
	require.NoError(t, err)
	f.Version = stat.Version // a listing spares it
	assert.Equal(t, f, stat, "Stat says the same")
}

func TestUniqueIsTheSameForTwoNamesOfOneFile(t *testing.T) {
	needs.That(t, runtime.GOOS != "windows", "no inode numbers at hand")
	d, dir := open(t, Options{})
	put(t, dir, "a", "x")
	put(t, dir, "b", "x")
	require.NoError(t, os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "c")))
	unique := func(name string) string {
		e, err := d.Stat(ctx, session, name)
		require.NoError(t, err)
		return e.Unique
	}
	assert.NotEmpty(t, unique("/a"))
	assert.Equal(t, unique("/a"), unique("/c"))
	assert.NotEqual(t, unique("/a"), unique("/b"))
}

func TestListingEndsWhenItsContextDoes(t *testing.T) {
	d, dir := open(t, Options{})
	for i := range 1000 {
		put(t, dir, fmt.Sprintf("a name that is long enough to need several reads of the folder %d", i), "")
	}
	dying, cancel := context.WithCancel(ctx)
	defer cancel()
	l, err := d.List(dying, session, "/")
	require.NoError(t, err)
	count, last := 0, error(nil)
	for _, err := range l {
		count, last = count+1, err
		cancel()
	}
	assert.ErrorIs(t, last, context.Canceled)
	assert.Less(t, count, 1000)
}

func TestListingHasEachEntryOnceAndStopsWhenAsked(t *testing.T) {
	d, dir := open(t, Options{})
	want := []string{}
	for i := range 1000 {
		name := fmt.Sprintf("file %d", i)
		put(t, dir, name, "")
		want = append(want, name)
	}
	assert.ElementsMatch(t, want, names(t, d, "/"))

	l, err := d.List(ctx, session, "/")
	require.NoError(t, err)
	for range l {
		break
	}
	for _, err := range l {
		assert.ErrorIs(t, err, fs.ErrClosed, "a listing is ranged over once")
	}
}

func TestListingOfAHugeFolderNeedsLittleMemory(t *testing.T) {
	needs.That(t, !testing.Short(), "makes 100,000 files")
	d, dir := open(t, Options{})
	const files = 100_000
	for i := range files {
		require.NoError(t, os.Link(source(t, dir, i), filepath.Join(dir, fmt.Sprintf("%06d", i))))
	}
	l, err := d.List(ctx, session, "/")
	require.NoError(t, err)
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	count := 0
	for _, err := range l {
		require.NoError(t, err)
		if count++; count == files {
			runtime.GC()
			runtime.ReadMemStats(&during)
		}
	}
	assert.GreaterOrEqual(t, count, files)
	assert.Less(t, int64(during.HeapAlloc)-int64(before.HeapAlloc), int64(256<<10))
}

// source makes a file for each 10,000 names: file systems bound the links to
// one.
func source(t *testing.T, dir string, i int) string {
	name := fmt.Sprintf("source %d", i/10_000)
	if i%10_000 == 0 {
		put(t, dir, name, "")
	}
	return filepath.Join(dir, name)
}

func TestSystemOwnersTellNamesOrNumbers(t *testing.T) {
	owners := SystemOwners()
	owner, group := owners(4_000_000_000, 4_000_000_001)
	assert.Equal(t, []string{"4000000000", "4000000001"}, []string{owner, group})
	needs.That(t, runtime.GOOS != "windows", "Windows has no numbers")
	owner, _ = owners(0, 0)
	assert.Equal(t, "root", owner)
}
