package journal_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/journal"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

// bucket is a storage without identities, that tells times in whole seconds.
type bucket struct {
	*memfs.FS
	versions bool
	fails    error // of Stat
}

func (b *bucket) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	if b.fails != nil {
		return paradise.Entry{}, b.fails
	}
	e, err := b.FS.Stat(ctx, s, name)
	e.Unique, e.ModTime = "", e.ModTime.Truncate(time.Second)
	if !b.versions {
		e.Version = ""
	}
	return e, err
}

func TestWithoutIdentitiesWhatIsAsLargeAndAsNewCountsAsPublished(t *testing.T) {
	for _, c := range []struct {
		name      string
		versions  bool
		digest    bool
		old       string
		age       time.Duration
		published bool
		want      journal.Event
		detail    string
	}{
		{name: "published", old: "old.", published: true, want: journal.Reconciled, detail: "as large and as new"},
		{name: "published, within two seconds", old: "old.", age: 2 * time.Second, published: true, want: journal.Reconciled},
		{name: "not published: nobody can tell", old: "old.", want: journal.Reconciled, detail: "as large and as new"},
		{name: "not published over an older file", old: "old.", age: time.Hour, want: journal.Lost, detail: "as it was before"},
		{name: "published over an older file", old: "old.", age: time.Hour, published: true, want: journal.Reconciled},
		{name: "not published, the size tells", old: "older", want: journal.Lost, detail: "5 bytes"},
		{name: "not published, the digest tells", digest: true, old: "old.", want: journal.Lost, detail: "other content"},
		{name: "published, the digest tells", digest: true, old: "old.", published: true, want: journal.Reconciled},
		{name: "published, the version tells", versions: true, old: "old.", published: true, want: journal.Reconciled},
		{name: "not published, the version tells", versions: true, old: "old.", want: journal.Lost, detail: "as it was before"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // all in one second, but for age
				path, b := file(t), &bucket{FS: memfs.New(), versions: c.versions}
				b.Put("/f", []byte(c.old))
				require.NoError(t, b.SetAttr(t.Context(), anna, "/f", paradise.Attr{ModTime: time.Now().Add(-c.age)}))
				died(t, path, b, journal.Options{Digest: c.digest}, c.published, "/f", "new.", paradise.StoreOptions{})
				r := after(t, path, b)
				assert.Equal(t, c.want, r.Event)
				assert.Contains(t, r.Detail, c.detail)
			})
		})
	}
}

var errLost = fmt.Errorf("bucket: %w", paradise.ErrUnknownOutcome)

// ended is what a journal holds once an upload has ended whose Commit failed after
// it had published, or before.
func ended(t *testing.T, d paradise.FileDriver, o journal.Options, so paradise.StoreOptions, published bool, failure error) []journal.Event {
	t.Helper()
	j := open(t, file(t), o)
	s := &steps{FileDriver: d}
	fail := func() error { return failure }
	if published {
		s.after = fail
	} else {
		s.before = fail
	}
	require.ErrorIs(t, put(t.Context(), j.Wrap(s), "/f", "new.", so), failure)
	require.NoError(t, put(t.Context(), j.Wrap(d), "/end", "", paradise.StoreOptions{}))
	var events []journal.Event
	for r, err := range j.Follow(t.Context(), journal.Position{}) {
		require.NoError(t, err)
		if r.Name == "/end" {
			break
		}
		events = append(events, r.Event)
	}
	return events
}

func TestACommitThatFailedIsHeldAgainstTheStorage(t *testing.T) {
	digest := journal.Options{Digest: true}
	taken := fmt.Errorf("412: %w", fs.ErrExist)
	broken := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	add := paradise.StoreOptions{Append: true}
	for _, c := range []struct {
		name      string
		o         journal.Options
		so        paradise.StoreOptions
		published bool
		failure   error
		want      journal.Event // empty: the intent stays open
	}{
		{name: "the answer was lost, the file is there", published: true, failure: errLost, want: journal.Reconciled},
		{name: "the answer was lost, nothing is there yet", failure: errLost},
		{name: "an append, the answer was lost", so: add, published: true, failure: errLost, want: journal.Reconciled},
		{name: "resumed, the answer was lost", so: paradise.StoreOptions{Offset: 2}, published: true, failure: errLost,
			want: journal.Reconciled},
		{name: "some error, the file is there", published: true, failure: errTest, want: journal.Reconciled},
		{name: "some error, the file is there, with a digest", o: digest, published: true, failure: errTest, want: journal.Reconciled},
		{name: "some error, nothing is there", failure: errTest, want: journal.Abort},
		{name: "too late, the file is there", published: true, failure: context.DeadlineExceeded, want: journal.Reconciled},
		{name: "too late, nothing is there yet", failure: context.DeadlineExceeded},
		{name: "the connection broke, the file is there", published: true, failure: broken, want: journal.Reconciled},
		{name: "the connection broke, nothing is there yet", failure: broken},
		{name: "refused", failure: paradise.ErrQuota, want: journal.Abort},
		{name: "refused, with a digest", o: digest, failure: paradise.ErrBusy, want: journal.Abort},
		{name: "a name that another took with the same size", so: paradise.StoreOptions{Exclusive: true}, published: true, failure: taken,
			want: journal.Abort},
		{name: "a name that was found taken by the file itself", o: digest, so: paradise.StoreOptions{Exclusive: true}, published: true,
			failure: taken, want: journal.Reconciled},
		{name: "refused and lost", published: true, failure: errors.Join(fs.ErrExist, errLost), want: journal.Reconciled},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := []journal.Event{journal.Intent}
			if c.want != "" {
				want = append(want, c.want)
			}
			m := memfs.New()
			if !c.so.Exclusive {
				m.Put("/f", []byte("old."))
			}
			assert.Equal(t, want, ended(t, m, c.o, c.so, c.published, c.failure))
		})
	}
}

func TestAStorageThatShowsNothingIsTakenAtItsWord(t *testing.T) {
	blind := noStat{memfs.New()}
	assert.Equal(t, []journal.Event{journal.Intent, journal.Abort},
		ended(t, blind, journal.Options{}, paradise.StoreOptions{}, false, errTest))
	assert.Equal(t, []journal.Event{journal.Intent, journal.Reconciled},
		ended(t, blind, journal.Options{}, paradise.StoreOptions{}, true, errLost), "a record too many is better than one too few")
}

func TestACommitThatPanickedIsHeldAgainstTheStorage(t *testing.T) {
	j, m := open(t, file(t), journal.Options{}), memfs.New()
	s := &steps{FileDriver: m, after: func() error { panic("after it was published") }}
	u, err := written(t.Context(), j.Wrap(s), "/f", "x", paradise.StoreOptions{})
	require.NoError(t, err)
	require.Panics(t, func() { _ = u.Commit(t.Context()) })
	u.Abort(t.Context(), errTest)
	assert.Equal(t, []journal.Event{journal.Intent, journal.Reconciled}, kinds(records(t, j, journal.Position{}, 2)))
}

// inDoubt leaves an upload whose outcome is unknown, and of which nothing is there.
func inDoubt(t *testing.T, path string, d paradise.FileDriver) *journal.Journal {
	t.Helper()
	j := open(t, path, journal.Options{})
	s := &steps{FileDriver: d, before: func() error { return errLost }}
	require.ErrorIs(t, put(t.Context(), j.Wrap(s), "/f", "new.", paradise.StoreOptions{}), errLost)
	require.Equal(t, 2, lines(t, path), "head and intent")
	return j
}

func TestWhatAppearsLateIsNotedWithoutANewStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, m := file(t), memfs.New()
		j := inDoubt(t, path, m)
		time.Sleep(time.Minute) // of the bubble's clock
		m.Put("/f", []byte("new."))
		r := records(t, j, journal.Position{}, 2)[1]
		assert.Equal(t, journal.Reconciled, r.Event)
		assert.Contains(t, r.Detail, "answer was lost")
		assert.Less(t, time.Since(records(t, j, journal.Position{}, 1)[0].Time), 5*time.Minute)
		require.NoError(t, j.Close())
	})
}

func TestWhatNeverAppearsIsLostAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := inDoubt(t, file(t), memfs.New())
		r := records(t, j, journal.Position{}, 2)[1]
		assert.Equal(t, journal.Lost, r.Event)
		assert.GreaterOrEqual(t, time.Since(records(t, j, journal.Position{}, 1)[0].Time), 10*time.Minute)
		require.NoError(t, j.Close())
	})
}

func TestAStorageThatIsAwayIsAskedOnceItIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, b := file(t), &bucket{FS: memfs.New()}
		j := open(t, path, journal.Options{})
		s := &steps{FileDriver: b, after: func() error { b.fails = errTest; return errTest }}
		require.ErrorIs(t, put(t.Context(), j.Wrap(s), "/f", "new.", paradise.StoreOptions{}), errTest)
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		require.Equal(t, 2, lines(t, path), "nothing is said of what nobody could see")
		b.fails = nil
		assert.Equal(t, journal.Reconciled, records(t, j, journal.Position{}, 2)[1].Event)
		require.NoError(t, j.Close())
	})
}

func TestAnUnknownOutcomeIsHeldAgainstTheStorageAtTheNextStart(t *testing.T) {
	for _, appears := range []bool{true, false} {
		path, m := file(t), memfs.New()
		require.NoError(t, inDoubt(t, path, m).Close())
		if appears {
			m.Put("/f", []byte("new."))
		}
		want := map[bool]journal.Event{true: journal.Reconciled, false: journal.Lost}[appears]
		assert.Equal(t, want, after(t, path, m).Event)
	}
}

func TestReconcileLooksForWhatThisProcessDoubts(t *testing.T) {
	path, m := file(t), memfs.New()
	j := inDoubt(t, path, m)
	require.NoError(t, j.Reconcile(t.Context(), m))
	assert.Equal(t, 2, lines(t, path), "it may yet appear")
	m.Put("/f", []byte("new."))
	require.NoError(t, j.Reconcile(t.Context(), m))
	assert.Equal(t, []journal.Event{journal.Intent, journal.Reconciled}, kinds(records(t, j, journal.Position{}, 2)))
}

func TestAnUnknownOutcomeOverTheWire(t *testing.T) {
	j, m := open(t, file(t), journal.Options{}), memfs.New()
	s := &steps{FileDriver: m, after: func() error { return errLost }}
	c := paradisetest.NewServer(t, &paradise.Server{Files: j.Wrap(s)}).Dial()
	c.Login()
	assert.Equal(t, 451, c.Store("STOR /f", "x").Code)
	all := records(t, j, journal.Position{}, 2)
	assert.Equal(t, []journal.Event{journal.Intent, journal.Reconciled}, kinds(all), "a webhook gets it")
}

func TestJournalsOfOldAreRead(t *testing.T) {
	path, b := file(t), &bucket{FS: memfs.New(), versions: true}
	b.Put("/f", []byte("new."))
	b.Put("/g", []byte("old."))
	old := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	require.NoError(t, b.SetAttr(t.Context(), anna, "/g", paradise.Attr{ModTime: old}))
	const head = `{"id":"","time":"2026-01-02T03:04:05Z","event":"begin","session":0,"user":"","name":"","size":0,"segment":1}
{"id":"0badcafe-1","time":"2026-01-02T03:04:05Z","event":"intent","session":7,"user":"anna","name":"/f","size":4,"before":{"exists":false}}
`
	intent := fmt.Sprintf(`{"id":"0badcafe-2","time":%q,"event":"intent","session":7,"user":"anna","name":"/g","size":4,`+
		`"before":{"exists":true,"size":4,"mod_time":%q}}`+"\n", time.Now().UTC().Format(time.RFC3339Nano), old.Format(time.RFC3339Nano))
	require.NoError(t, os.WriteFile(path, []byte(head+intent), 0o600))
	j := open(t, path, journal.Options{})
	require.NoError(t, j.Reconcile(t.Context(), b))
	all := records(t, j, journal.Position{}, 4)
	assert.Equal(t, []journal.Event{journal.Intent, journal.Intent, journal.Reconciled, journal.Lost}, kinds(all))
	assert.Equal(t, "0badcafe-2", all[3].ID)
}

func TestWritersHaveSixteenRandomBytes(t *testing.T) {
	path := file(t)
	j := open(t, path, journal.Options{})
	require.NoError(t, put(t.Context(), j.Wrap(memfs.New()), "/f", "x", paradise.StoreOptions{}))
	writer, count, _ := strings.Cut(records(t, j, journal.Position{}, 1)[0].ID, "-")
	assert.Len(t, writer, 32, "in hex: journals that are merged have no two alike")
	assert.Equal(t, "1", count)
}
