package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/journal"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/osfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

func TestKeepsTheRulesOfDrivers(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		paradisetest.TestFileDriver(t, paradisetest.DriverOptions{New: func(tb testing.TB) paradise.FileDriver {
			return open(tb, file(tb), journal.Options{Digest: true}).Wrap(memfs.New())
		}})
	})
	t.Run("folder", func(t *testing.T) {
		paradisetest.TestFileDriver(t, paradisetest.DriverOptions{New: func(tb testing.TB) paradise.FileDriver {
			d, err := osfs.Open(tb.TempDir(), osfs.Options{})
			require.NoError(tb, err)
			tb.Cleanup(func() { d.Close() })
			return open(tb, file(tb), journal.Options{MaxSize: 4 << 10}).Wrap(d)
		}})
	})
}

func TestAnUploadIsNotedBeforeAndAfterItsCommit(t *testing.T) {
	path := file(t)
	j := open(t, path, journal.Options{Digest: true})
	m := memfs.New()
	s := &steps{FileDriver: m}
	s.before = func() error {
		assertAbsent(t, m, "/f")
		assert.Equal(t, []journal.Event{journal.Intent}, kinds(records(t, j, journal.Position{}, 1)))
		assert.Equal(t, 2, lines(t, path), "head and intent")
		return nil
	}
	s.after = func() error {
		assert.Equal(t, 2, lines(t, path), "no end before Commit has returned")
		return nil
	}
	require.NoError(t, put(t.Context(), j.Wrap(s), "/f", "hello", paradise.StoreOptions{}))
	all := records(t, j, journal.Position{}, 2)
	assert.Equal(t, []journal.Event{journal.Intent, journal.Done}, kinds(all))
	done := all[1]
	assert.Equal(t, all[0].ID, done.ID)
	assert.False(t, done.Time.IsZero())
	done.ID, done.Time, done.Next = "", all[0].Time, journal.Position{}
	assert.Equal(t, journal.Record{
		Time: all[0].Time, Event: journal.Done, Session: 7, User: "anna", Host: "ftp.example.com", Name: "/f",
		Size: 5, ContentType: "text/plain", SHA256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
	}, done)
}

func TestSizesAreThoseOfTheWholeFile(t *testing.T) {
	j := open(t, file(t), journal.Options{Digest: true})
	d := j.Wrap(memfs.New())
	require.NoError(t, put(t.Context(), d, "/f", "hello", paradise.StoreOptions{}))
	require.NoError(t, put(t.Context(), d, "/f", "LO!", paradise.StoreOptions{Offset: 3}))
	require.NoError(t, put(t.Context(), d, "/f", "more", paradise.StoreOptions{Append: true}))
	all := records(t, j, journal.Position{}, 6)
	assert.EqualValues(t, 6, all[3].Size)
	assert.EqualValues(t, 3, all[3].Offset)
	assert.Empty(t, all[3].SHA256, "the head was not seen")
	assert.EqualValues(t, 10, all[5].Size)
	assert.True(t, all[5].Append)
}

func TestNamesThatAreNoTextSurvive(t *testing.T) {
	j := open(t, file(t), journal.Options{})
	const name = "/caf\xe9 <&>\u2028"
	require.NoError(t, put(t.Context(), j.Wrap(memfs.New()), name, "x", paradise.StoreOptions{}))
	assert.Equal(t, name, records(t, j, journal.Position{}, 2)[1].Name)
}

func TestAnAbortBeforeTheIntentLeavesNoTrace(t *testing.T) {
	path := file(t)
	j := open(t, path, journal.Options{})
	u, err := written(t.Context(), j.Wrap(memfs.New()), "/f", "x", paradise.StoreOptions{})
	require.NoError(t, err)
	u.Abort(t.Context(), errTest)
	assert.Equal(t, 1, lines(t, path))
}

func TestAFailedCommitIsNotedAsAbort(t *testing.T) {
	j := open(t, file(t), journal.Options{})
	s := &steps{FileDriver: memfs.New(), before: func() error { return errTest }}
	require.ErrorIs(t, put(t.Context(), j.Wrap(s), "/f", "x", paradise.StoreOptions{}), errTest)
	all := records(t, j, journal.Position{}, 2)
	assert.Equal(t, []journal.Event{journal.Intent, journal.Abort}, kinds(all))
	assert.Equal(t, errTest.Error(), all[1].Detail)
}

func TestNothingIsPublishedWithoutItsIntent(t *testing.T) {
	path := file(t)
	j := open(t, path, journal.Options{})
	m := memfs.New()
	c := paradisetest.Count(m)
	j.OnPut(func(f *os.File, b []byte) (int, error) {
		n, _ := f.Write(b[:10])
		return n, syscall.ENOSPC
	})
	require.ErrorIs(t, put(t.Context(), j.Wrap(c), "/f", "x", paradise.StoreOptions{}), syscall.ENOSPC)
	assertAbsent(t, m, "/f")
	c.Check(t)
	assert.Equal(t, 1, c.Counts().Abort)
	assert.Equal(t, 1, lines(t, path), "no half of a line stays")
	j.OnPut((*os.File).Write)
	require.NoError(t, put(t.Context(), j.Wrap(c), "/f", "x", paradise.StoreOptions{}), "once there is room")
	assert.Equal(t, []journal.Event{journal.Intent, journal.Done}, kinds(records(t, j, journal.Position{}, 2)))
}

func TestAnEndThatCannotBeWrittenFailsTheUploadAndFollows(t *testing.T) {
	j := open(t, file(t), journal.Options{})
	m := memfs.New()
	s := &steps{FileDriver: m}
	s.after = func() error {
		j.OnPut(func(*os.File, []byte) (int, error) { return 0, syscall.ENOSPC })
		return nil
	}
	c := paradisetest.Count(s)
	require.ErrorIs(t, put(t.Context(), j.Wrap(c), "/f", "x", paradise.StoreOptions{}), syscall.ENOSPC)
	assert.Equal(t, "x", content(t, m, "/f"), "it is there all the same")
	assert.Zero(t, c.Counts().Abort, "what was committed is not aborted")
	j.OnPut((*os.File).Write)
	s.after = nil
	require.NoError(t, put(t.Context(), j.Wrap(c), "/g", "y", paradise.StoreOptions{}))
	all := records(t, j, journal.Position{}, 4)
	assert.Equal(t, []journal.Event{journal.Intent, journal.Done, journal.Intent, journal.Done}, kinds(all))
	assert.Equal(t, "/f", all[1].Name)
	assert.Equal(t, all[0].ID, all[1].ID)
}

func TestClientsGet226OnlyWithARecord(t *testing.T) {
	j := open(t, file(t), journal.Options{})
	c := paradisetest.NewServer(t, &paradise.Server{Files: j.Wrap(memfs.New())}).Dial()
	c.Login()
	assert.Equal(t, 226, c.Store("STOR /f", "x").Code)
	c.Expect(350, "SITE CPFR /f")
	c.Expect(250, "SITE CPTO /copy")
	assert.Equal(t, "/copy", records(t, j, journal.Position{}, 4)[3].Name, "a copy is noted as an upload")
	require.NoError(t, j.Close())
	c.EPSV()
	c.Expect(451, "STOR /g")
}

func TestDurableSyncsIntentAndEnd(t *testing.T) {
	for _, durable := range []bool{false, true} {
		j := open(t, file(t), journal.Options{Durable: durable})
		var syncs atomic.Int32
		j.OnSync(func(f *os.File) error { syncs.Add(1); return f.Sync() })
		want := int32(0)
		s := &steps{FileDriver: memfs.New(), before: func() error {
			if durable {
				want = 1
			}
			assert.Equal(t, want, syncs.Load(), "the intent, before Commit")
			return nil
		}}
		require.NoError(t, put(t.Context(), j.Wrap(s), "/f", "x", paradise.StoreOptions{}))
		assert.Equal(t, 2*want, syncs.Load(), "the end, before the reply")
	}
}

func TestAFailedSyncIsNeverTakenBack(t *testing.T) {
	j := open(t, file(t), journal.Options{Durable: true})
	m := memfs.New()
	j.OnSync(func(*os.File) error { return syscall.EIO })
	require.ErrorIs(t, put(t.Context(), j.Wrap(m), "/f", "x", paradise.StoreOptions{}), syscall.EIO)
	assertAbsent(t, m, "/f")
	j.OnSync((*os.File).Sync)
	_, err := j.Wrap(m).Store(t.Context(), anna, "/f", paradise.StoreOptions{})
	assert.ErrorIs(t, err, syscall.EIO, "refused from now on, and before any data")
}

func TestUploadsThatEndAtOnceShareASync(t *testing.T) {
	const uploads = 50
	j := open(t, file(t), journal.Options{Durable: true})
	var puts []int // lines per write
	j.OnPut(func(f *os.File, b []byte) (int, error) {
		puts = append(puts, bytes.Count(b, []byte("\n")))
		return f.Write(b)
	})
	first, rest := make(chan struct{}), make(chan struct{})
	var once sync.Once
	j.OnSync(func(*os.File) error {
		once.Do(func() { close(first) })
		<-rest
		return nil
	})
	d := j.Wrap(memfs.New())
	var wg sync.WaitGroup
	for i := range uploads {
		u, err := written(t.Context(), d, fmt.Sprintf("/f%d", i), "x", paradise.StoreOptions{})
		require.NoError(t, err)
		wg.Go(func() { assert.NoError(t, u.Commit(t.Context())) })
		if i == 0 {
			<-first
		}
	}
	for j.Waiting() < uploads-1 {
		runtime.Gosched()
	}
	close(rest)
	wg.Wait()
	assert.Equal(t, 1, puts[0])
	assert.GreaterOrEqual(t, puts[1], uploads-1, "one write and sync for all who came during the first")
	assert.Len(t, records(t, j, journal.Position{}, 2*uploads), 2*uploads)
}

func TestAfterCloseNothingIsTaken(t *testing.T) {
	path := file(t)
	j := open(t, path, journal.Options{})
	m := memfs.New()
	u, err := written(t.Context(), j.Wrap(m), "/f", "x", paradise.StoreOptions{})
	require.NoError(t, err)
	require.NoError(t, j.Close())
	require.NoError(t, j.Close(), "twice")
	require.ErrorIs(t, u.Commit(t.Context()), os.ErrClosed)
	u.Abort(t.Context(), errTest)
	assertAbsent(t, m, "/f")
	left, err := filepath.Glob(path + ".writer-*")
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestAnotherFileIsNotWrittenTo(t *testing.T) {
	path := file(t)
	require.NoError(t, os.WriteFile(path, []byte("dear diary\n"), 0o600))
	_, err := journal.Open(path, journal.Options{})
	require.ErrorContains(t, err, "no journal")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "dear diary\n", string(b))
}

func TestPositionsAreText(t *testing.T) {
	var p journal.Position
	require.NoError(t, p.UnmarshalText([]byte("7:1234")))
	assert.Equal(t, journal.Position{Segment: 7, Offset: 1234}, p)
	assert.Equal(t, "7:1234", p.String())
	for _, bad := range []string{"", "7", ":", "a:b", "-1:0", "1:-1", "1:2:3"} {
		assert.Error(t, p.UnmarshalText([]byte(bad)), bad)
	}
}

func TestStatThatFailsFailsTheUpload(t *testing.T) {
	j := open(t, file(t), journal.Options{})
	d := j.Wrap(failingStat{memfs.New()})
	assert.ErrorIs(t, put(t.Context(), d, "/f", "x", paradise.StoreOptions{}), errTest)
}

type failingStat struct{ paradise.FileDriver }

func (failingStat) Stat(context.Context, *paradise.Session, string) (paradise.Entry, error) {
	return paradise.Entry{}, errTest
}

func TestDriversWithoutStatAreNotedToo(t *testing.T) {
	j := open(t, file(t), journal.Options{})
	d := j.Wrap(noStat{memfs.New()})
	require.NoError(t, put(t.Context(), d, "/f", "x", paradise.StoreOptions{Append: true}))
	all := records(t, j, journal.Position{}, 2)
	assert.EqualValues(t, -1, all[1].Size, "of an append to what cannot be seen")
	assert.True(t, strings.HasPrefix(all[1].ID, all[0].ID[:8]))
}

type noStat struct{ paradise.FileDriver }

func (noStat) Stat(context.Context, *paradise.Session, string) (paradise.Entry, error) {
	return paradise.Entry{}, errors.ErrUnsupported
}
