package endurance

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/paradiseftp/paradise/internal/needs"
)

// small mounts a file system of 16 MiB and returns its path.
func small(t *testing.T) string {
	t.Helper()
	needs.Root(t, "mounting a file system")
	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0), "something is still open") })
	return dir
}

// free returns the free space in bytes.
func free(t *testing.T, dir string) uint64 {
	t.Helper()
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &st))
	return st.Bavail * uint64(st.Bsize)
}

func TestFullDiskKeepsTheOldFile(t *testing.T) {
	rnd := random(t)
	dir := small(t)
	s := serve(t, dir, nil)
	c := must(t, s.Addr)
	old := content(rnd, 5<<20)
	stores(t, c, 226, "STOR f", old)
	stores(t, c, 226, "STOR other", content(rnd, 1<<20))
	before := free(t, dir)

	for _, command := range []string{"STOR f", "APPE f", "STOR g"} {
		stores(t, c, 452, command, make([]byte, 20<<20))
		holdsFile(t, old, dir, "f")
		require.NoError(t, await(dialWait, func() bool { return free(t, dir) == before }), "%s: %d bytes free, %d before",
			command, free(t, dir), before)
	}
	require.NoFileExists(t, filepath.Join(dir, "g"))
	require.NoError(t, c.want(350, "REST 100"))
	stores(t, c, 452, "STOR f", make([]byte, 20<<20))
	holdsFile(t, old, dir, "f")

	require.NoError(t, c.want(200, "ALLO 20971520"))
	require.Contains(t, stores(t, c, 452, "STOR f", nil), "space", "known before the first byte")

	next := content(rnd, 6<<20)
	stores(t, c, 226, "STOR f", next)
	holdsFile(t, next, dir, "f")
	holdNoParts(t, dir)
	require.NoError(t, c.quit())
	s.stop(t)
}

func TestManyUploadsThatFillADiskLeaveOnlyWholeFiles(t *testing.T) {
	rnd := random(t)
	dir := small(t)
	s := serve(t, dir, nil)
	const writers = 8
	files := make([][]byte, writers)
	for i := range files {
		files[i] = content(rnd, 3<<20)
	}
	codes := make([]int, writers)
	var all sync.WaitGroup
	for i := range writers {
		c := must(t, s.Addr)
		all.Go(func() { codes[i], _, _ = c.store(fmt.Sprintf("STOR f%d", i), files[i]) })
	}
	all.Wait()
	done := 0
	for i, code := range codes {
		require.Contains(t, []int{226, 452}, code)
		if code == 226 {
			done++
			holdsFile(t, files[i], dir, fmt.Sprintf("f%d", i))
		} else {
			require.NoFileExists(t, filepath.Join(dir, fmt.Sprintf("f%d", i)))
		}
	}
	require.Less(t, done, writers)
	const slack = 64 << 10 // for the register of temporaries and the file system's own data
	left := uint64(16<<20 - done*(3<<20) - slack)
	require.NoError(t, await(dialWait, func() bool { return free(t, dir) >= left }), "%d files", done)
	s.stop(t)
	holdNoTemporaries(t, dir)
}

// holdNoParts is like holdNoTemporaries while the server lives: its register of temporaries
// may exist.
func holdNoParts(t *testing.T, dir string) {
	t.Helper()
	parts, err := filepath.Glob(filepath.Join(dir, ".paradise-*.part"))
	require.NoError(t, err)
	require.Empty(t, parts)
}

func TestFileSizeLimitKeepsTheOldFile(t *testing.T) {
	rnd := random(t)
	dir := t.TempDir()
	server := startChild(t, dir, envFileMax+"=1048576")
	c := must(t, server.addr)
	old := content(rnd, 900<<10)
	stores(t, c, 226, "STOR f", old)
	for _, command := range []string{"STOR f", "APPE f"} {
		stores(t, c, 552, command, make([]byte, 2<<20))
		holdsFile(t, old, dir, "f")
	}
	next := content(rnd, 1<<20)
	stores(t, c, 226, "STOR f", next)
	holdsFile(t, next, dir, "f")
	holdNoParts(t, dir)
	require.NoError(t, c.quit())
}
