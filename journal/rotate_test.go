package journal_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/journal"
	"github.com/paradiseftp/paradise/memfs"
)

// small lets a file hold about six records.
const small = 2 << 10

func rotations(t *testing.T, path string) int {
	t.Helper()
	all, err := filepath.Glob(path + ".0*")
	require.NoError(t, err)
	return len(all)
}

func TestALargeFileIsRenamedAndAFewAreKept(t *testing.T) {
	path := file(t)
	j := open(t, path, journal.Options{MaxSize: small, Keep: 3})
	d := j.Wrap(memfs.New())
	for i := range 60 {
		require.NoError(t, put(t.Context(), d, fmt.Sprintf("/f%d", i), "x", paradise.StoreOptions{}))
		fi, err := os.Stat(path)
		require.NoError(t, err)
		require.LessOrEqual(t, fi.Size(), int64(small))
	}
	assert.Equal(t, 3, rotations(t, path))
}

func TestOpenIntentsOutliveRotations(t *testing.T) {
	path, m := file(t), memfs.New()
	o := journal.Options{MaxSize: small, Keep: 1}
	j := open(t, path, o)
	s := &steps{FileDriver: m}
	s.after = func() error {
		s.after = nil
		for i := range 60 { // many rotations during one Commit
			require.NoError(t, put(t.Context(), j.Wrap(m), fmt.Sprintf("/f%d", i), "x", paradise.StoreOptions{}))
		}
		j.Crash()
		return errTest
	}
	require.Error(t, put(t.Context(), j.Wrap(s), "/slow", "slow", paradise.StoreOptions{}))
	j = open(t, path, o)
	require.NoError(t, j.Reconcile(t.Context(), m))
	for r, err := range j.Follow(t.Context(), journal.Position{}) {
		require.NoError(t, err)
		if r.Event == journal.Reconciled {
			assert.Equal(t, "/slow", r.Name)
			break
		}
	}
}

func TestACrashInTheMiddleOfARotationLosesNothing(t *testing.T) {
	path, m := file(t), memfs.New()
	died(t, path, m, journal.Options{}, true, "/f", "x", paradise.StoreOptions{})
	require.NoError(t, os.Rename(path, path+".000001")) // and no new file yet
	j := open(t, path, journal.Options{})
	require.NoError(t, j.Reconcile(t.Context(), m))
	all := records(t, j, journal.Position{}, 3)
	assert.Equal(t, []journal.Event{journal.Intent, journal.Intent, journal.Reconciled}, kinds(all))
	assert.Equal(t, all[0].ID, all[2].ID)
}

func TestAReaderWaitsForTheFileThatACrashLeftUnmade(t *testing.T) {
	path := file(t)
	synctest.Test(t, func(t *testing.T) {
		j := open(t, path, journal.Options{})
		d := j.Wrap(memfs.New())
		require.NoError(t, put(t.Context(), d, "/f", "x", paradise.StoreOptions{}))
		require.NoError(t, os.Rename(path, path+".000001"))
		ctx, cancel := context.WithCancel(t.Context())
		var names []string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for r, err := range j.Follow(ctx, journal.Position{}) {
				assert.NoError(t, err)
				if r.Event == journal.Done {
					names = append(names, r.Name)
				}
			}
		}()
		synctest.Wait()
		assert.Equal(t, []string{"/f"}, names)
		require.NoError(t, put(t.Context(), d, "/g", "x", paradise.StoreOptions{}))
		synctest.Wait()
		assert.Equal(t, []string{"/f", "/g"}, names)
		cancel()
		<-ended
	})
}

func TestAFileThatWasEmptiedIsBegunAnew(t *testing.T) {
	path, m := file(t), memfs.New()
	j := open(t, path, journal.Options{})
	require.NoError(t, put(t.Context(), j.Wrap(m), "/f", "x", paradise.StoreOptions{}))
	require.NoError(t, os.Truncate(path, 0))
	require.NoError(t, put(t.Context(), j.Wrap(m), "/g", "x", paradise.StoreOptions{}))
	require.NoError(t, os.Remove(path))
	require.NoError(t, put(t.Context(), j.Wrap(m), "/h", "x", paradise.StoreOptions{}))
	assert.Equal(t, "/h", records(t, j, journal.Position{Segment: 2}, 1)[0].Name, "the removed file's number is free again")
}

func TestARotationThatFailsFailsNoUpload(t *testing.T) {
	path, m := file(t), memfs.New()
	j := open(t, path, journal.Options{MaxSize: small})
	require.NoError(t, os.MkdirAll(path+".000001/in the way", 0o755))
	for i := range 20 {
		require.NoError(t, put(t.Context(), j.Wrap(m), fmt.Sprintf("/f%d", i), "x", paradise.StoreOptions{}))
	}
	fi, err := os.Stat(path)
	require.NoError(t, err)
	assert.Greater(t, fi.Size(), int64(small))
}

func TestSeveralWritersLoseNothing(t *testing.T) {
	const writers, each = 4, 40
	path := file(t)
	o := journal.Options{MaxSize: small, Keep: -1}
	reader := open(t, path, o)
	var wg sync.WaitGroup
	for w := range writers {
		j := open(t, path, o)
		wg.Go(func() {
			d := j.Wrap(memfs.New())
			for i := range each {
				assert.NoError(t, put(context.WithoutCancel(t.Context()), d, fmt.Sprintf("/%d-%d", w, i), "x", paradise.StoreOptions{}))
			}
		})
	}
	seen := make(map[string]bool)
	for r, err := range reader.Follow(t.Context(), journal.Position{}) {
		require.NoError(t, err)
		if r.Event == journal.Done {
			assert.False(t, seen[r.Name], "ends are written once")
			seen[r.Name] = true
		}
		if len(seen) == writers*each {
			break
		}
	}
	wg.Wait()
	assert.Greater(t, rotations(t, path), 3)
}

func TestNoReaderIsLostInARotation(t *testing.T) {
	const readers, files = 8, 300
	path := file(t)
	j := open(t, path, journal.Options{MaxSize: small, Keep: -1})
	d := j.Wrap(memfs.New())
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			ends := 0
			for r, err := range j.Follow(t.Context(), journal.Position{}) {
				if !assert.NoError(t, err) {
					return
				}
				if r.Event == journal.Done {
					assert.Equal(t, fmt.Sprintf("/f%d", ends), r.Name)
					ends++
				}
				if ends == files {
					return
				}
			}
		})
	}
	for i := range files {
		require.NoError(t, put(t.Context(), d, fmt.Sprintf("/f%d", i), "x", paradise.StoreOptions{}))
	}
	wg.Wait()
	assert.Greater(t, rotations(t, path), files/10)
}

func TestWhatAReaderMissesIsLookedForWhileNobodyWrites(t *testing.T) {
	path := file(t)
	writer, reader := open(t, path, journal.Options{}), open(t, path, journal.Options{})
	found := make(chan error, 1)
	writer.OnPut(func(f *os.File, b []byte) (int, error) { // as in the middle of a rotation
		writer.OnPut((*os.File).Write)
		require.NoError(t, os.Rename(path, path+".away"))
		go func() {
			for _, err := range reader.Follow(t.Context(), journal.Position{}) {
				found <- err
				return
			}
		}()
		assert.Eventually(t, func() bool { return len(found) > 0 || waitsForLock() }, 10*time.Second, time.Millisecond)
		require.NoError(t, os.Rename(path+".away", path))
		return f.Write(b)
	})
	require.NoError(t, put(t.Context(), writer.Wrap(memfs.New()), "/f", "x", paradise.StoreOptions{}))
	require.NoError(t, <-found)
}

func waitsForLock() bool {
	stacks := make([]byte, 1<<20)
	return bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("internal/flock.Lock("))
}

func TestAClosedJournalCanBeRead(t *testing.T) {
	j := open(t, file(t), journal.Options{})
	require.NoError(t, put(t.Context(), j.Wrap(memfs.New()), "/f", "x", paradise.StoreOptions{}))
	require.NoError(t, j.Close())
	assert.Equal(t, []journal.Event{journal.Intent, journal.Done}, kinds(records(t, j, journal.Position{}, 2)))
}

func TestAReaderOfRecordsThatWereTakenBackIsTold(t *testing.T) {
	j := open(t, file(t), journal.Options{})
	d := j.Wrap(memfs.New())
	require.NoError(t, put(t.Context(), d, "/a", "x", paradise.StoreOptions{}))
	at := records(t, j, journal.Position{}, 2)[1].Next
	j.OnPut(func(f *os.File, b []byte) (int, error) {
		n, err := f.Write(b)
		require.NoError(t, err)
		at = records(t, j, at, 1)[0].Next
		return n, syscall.ENOSPC
	})
	require.ErrorIs(t, put(t.Context(), d, "/b", "x", paradise.StoreOptions{}), syscall.ENOSPC)
	j.OnPut((*os.File).Write)
	require.NoError(t, put(t.Context(), d, "/longer", "x", paradise.StoreOptions{}))
	for _, err := range j.Follow(t.Context(), at) {
		require.ErrorIs(t, err, journal.ErrGone)
	}
}

func TestAReaderGoesOnWhereItWas(t *testing.T) {
	j := open(t, file(t), journal.Options{MaxSize: small, Keep: -1})
	d := j.Wrap(memfs.New())
	var at journal.Position
	for i := range 30 {
		name := fmt.Sprintf("/f%d", i)
		require.NoError(t, put(t.Context(), d, name, "x", paradise.StoreOptions{}))
		for r, err := range j.Follow(t.Context(), at) {
			require.NoError(t, err)
			at = r.Next
			if r.Event == journal.Done {
				assert.Equal(t, name, r.Name)
				break
			}
		}
	}
	assert.Greater(t, at.Segment, int64(3))
}

func TestAReaderThatIsTooFarBehindIsTold(t *testing.T) {
	j := open(t, file(t), journal.Options{MaxSize: small, Keep: 1})
	d := j.Wrap(memfs.New())
	for i := range 60 {
		require.NoError(t, put(t.Context(), d, fmt.Sprintf("/f%d", i), "x", paradise.StoreOptions{}))
	}
	for _, from := range []journal.Position{{Segment: 1}, {Segment: 1000}, {Segment: 1000, Offset: 5}} {
		got := 0
		for _, err := range j.Follow(t.Context(), from) {
			assert.ErrorIs(t, err, journal.ErrGone, "%v", from)
			got++
		}
		assert.Equal(t, 1, got)
	}
}

func TestAReaderWaitsForMoreUntilItsContextEnds(t *testing.T) {
	path := file(t)
	synctest.Test(t, func(t *testing.T) {
		j, err := journal.Open(path, journal.Options{})
		require.NoError(t, err)
		defer j.Close()
		other, err := journal.Open(path, journal.Options{})
		require.NoError(t, err)
		defer other.Close()
		ctx, cancel := context.WithCancel(t.Context())
		var names []string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for r, err := range j.Follow(ctx, journal.Position{}) {
				assert.NoError(t, err)
				if r.Event == journal.Done {
					names = append(names, r.Name)
				}
			}
		}()
		synctest.Wait()
		m := memfs.New()
		require.NoError(t, put(ctx, j.Wrap(m), "/own", "x", paradise.StoreOptions{}))
		synctest.Wait()
		assert.Equal(t, []string{"/own"}, names, "at once")
		require.NoError(t, put(ctx, other.Wrap(m), "/other", "x", paradise.StoreOptions{}))
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, []string{"/own", "/other"}, names, "of another process, within a second")
		cancel()
		<-ended
	})
}

func TestALongLineIsReadWhole(t *testing.T) {
	j := open(t, file(t), journal.Options{})
	name := "/" + string(make([]byte, 100<<10)) // escaped, it is longer than a page
	s := noStat{memfs.New()}
	require.NoError(t, put(t.Context(), j.Wrap(anyName{s}), name, "x", paradise.StoreOptions{}))
	assert.Equal(t, name, records(t, j, journal.Position{}, 2)[1].Name)
}

// anyName stores all under one name.
type anyName struct{ paradise.FileDriver }

func (a anyName) Store(ctx context.Context, s *paradise.Session, _ string, o paradise.StoreOptions) (paradise.Upload, error) {
	return a.FileDriver.Store(ctx, s, "/any", o)
}
