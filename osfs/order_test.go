package osfs

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/needs"
)

// many makes n files whose names have this length, in no order, and returns the
// names in order.
func many(t testing.TB, dir string, n, length int) []string {
	t.Helper()
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%0*d", length, i*7919%n)
		put(t, dir, all[i], "")
	}
	slices.Sort(all)
	return all
}

func TestListingsComeInTheOrderOfNames(t *testing.T) {
	d, dir := open(t, Options{})
	want := []string{"!", "-", "B", "_", "a", "a b", "a.b", "aa", "b", "\u00e4", "\U0001F600"}
	for _, name := range want {
		put(t, dir, name, "")
	}
	temporary := filepath.Join(dir, hiddenPrefix+"x.part")
	put(t, dir, filepath.Base(temporary), "")
	defer os.Remove(temporary)
	assert.Equal(t, want, names(t, d, "/"))
}

func TestAsManyAsAreSortedAndOneMore(t *testing.T) {
	needs.That(t, !testing.Short(), "makes 20,000 files")
	d, dir := open(t, Options{})
	want := many(t, dir, sortedMost, 20)
	temporary := filepath.Join(dir, hiddenPrefix+"x.part")
	put(t, dir, filepath.Base(temporary), "")
	defer os.Remove(temporary)
	assert.Equal(t, want, names(t, d, "/"))
	put(t, dir, "one more", "")
	got := names(t, d, "/")
	assert.ElementsMatch(t, append(want, "one more"), got, "all of them, in the order of the disk")
}

// Names that do not fit into memory at once are in order all the same.
func TestLongNamesAreSortedInParts(t *testing.T) {
	d, dir := open(t, Options{})
	want := many(t, dir, 4_000, 200)
	l, err := d.List(ctx, session, "/")
	require.NoError(t, err)
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := int64(0)
	i := 0
	for e, err := range l {
		require.NoError(t, err)
		require.Equal(t, want[i], e.Name)
		if i++; i%1000 == 1 {
			runtime.GC()
			runtime.ReadMemStats(&during)
			most = max(most, int64(during.HeapAlloc)-int64(before.HeapAlloc))
		}
	}
	assert.Equal(t, len(want), i)
	assert.Less(t, most, int64(700<<10))
}

func TestPartsMeetWhereTheyWereCut(t *testing.T) {
	all := make([]string, 50_000)
	for i := range all {
		all[i] = fmt.Sprintf("%05d %s", i*7919%len(all), strings.Repeat("x", i%200))
	}
	disk := func(yield func(string, error) bool) {
		for _, name := range all {
			if !yield(name, nil) {
				return
			}
		}
	}
	var got []string
	for p := (&part{after: " "}); ; p = (&part{after: got[len(got)-1]}) {
		require.NoError(t, p.read(disk))
		sortedly(p.names, func(name string) bool { got = append(got, name); return true })
		if p.end == "" {
			break
		}
	}
	assert.Equal(t, slices.Sorted(slices.Values(all)), got)
}

// A file that comes or goes while a listing is read changes nothing for the others.
func TestAListingSurvivesWhatHappensMeanwhile(t *testing.T) {
	d, dir := open(t, Options{})
	want := many(t, dir, 4_000, 200)
	l, err := d.List(ctx, session, "/")
	require.NoError(t, err)
	seen := map[string]int{}
	for e, err := range l {
		require.NoError(t, err)
		seen[e.Name]++
		if len(seen) == 10 {
			require.NoError(t, d.Remove(ctx, session, "/"+want[3_900]))
			put(t, dir, "new", "")
		}
	}
	assert.NotContains(t, seen, want[3_900])
	for name, times := range seen {
		assert.Equal(t, 1, times, name)
	}
	assert.GreaterOrEqual(t, len(seen), len(want)-1)
}

func TestSortedlyIsSorting(t *testing.T) {
	for n := range 1_000 {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprint(i * 7919 % (n/2 + 1)) // some twice
		}
		want := slices.Sorted(slices.Values(names))
		got := []string{}
		require.True(t, sortedly(names, func(name string) bool { got = append(got, name); return true }))
		require.True(t, slices.Equal(want, got))
		require.True(t, slices.Equal(want, names), "in place, too")
	}
}
