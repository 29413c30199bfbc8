package journal_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/journal"
	"github.com/paradiseftp/paradise/memfs"
)

// died leaves a journal as a process that died round a Commit would: before it, or
// after it but before its end was written.
func died(t *testing.T, path string, d paradise.FileDriver, o journal.Options, published bool, name, data string, so paradise.StoreOptions) {
	t.Helper()
	j := open(t, path, o)
	s := &steps{FileDriver: d}
	crash := func() error { j.Crash(); return errTest }
	if published {
		s.after = crash
	} else {
		s.before = crash
	}
	// The dead do not abort: what they leave in the storage is not looked at here.
	require.Error(t, put(t.Context(), j.Wrap(s), name, data, so))
}

// after is what the next start notes of that upload.
func after(t *testing.T, path string, d paradise.FileDriver) journal.Record {
	t.Helper()
	j := open(t, path, journal.Options{})
	require.NoError(t, j.Reconcile(t.Context(), d))
	all := records(t, j, journal.Position{}, 2)
	require.Equal(t, journal.Intent, all[0].Event)
	assert.Equal(t, all[0].ID, all[1].ID)
	assert.Equal(t, all[0].Name, all[1].Name)
	return all[1]
}

func TestIntentsOfTheDeadAreHeldAgainstTheStorage(t *testing.T) {
	digest := journal.Options{Digest: true}
	for _, c := range []struct {
		name      string
		o         journal.Options
		so        paradise.StoreOptions
		published bool
		meddle    func(m *memfs.FS) // what others do afterwards
		want      journal.Event
		detail    string
	}{
		{name: "published", published: true, want: journal.Reconciled},
		{name: "published, with a digest", o: digest, published: true, want: journal.Reconciled},
		{name: "not published", want: journal.Lost, detail: "as it was before"},
		{name: "not published, with a digest", o: digest, want: journal.Lost, detail: "as it was before"},
		{name: "an append", so: paradise.StoreOptions{Append: true}, published: true, want: journal.Reconciled},
		{name: "an append that was not published", so: paradise.StoreOptions{Append: true}, want: journal.Lost, detail: "as it was before"},
		{name: "an append after an append", so: paradise.StoreOptions{Append: true}, published: true, want: journal.Reconciled,
			meddle: func(m *memfs.FS) { m.Put("/f", []byte("old.new.more")) }},
		{name: "an append to what another had just removed", so: paradise.StoreOptions{Append: true}, published: true, want: journal.Reconciled,
			meddle: func(m *memfs.FS) { m.Put("/f", []byte("new.")) }},
		{name: "an append, and another's file", so: paradise.StoreOptions{Append: true}, published: true, want: journal.Lost, detail: "3 bytes",
			meddle: func(m *memfs.FS) { m.Put("/f", []byte("one")) }},
		{name: "resumed", so: paradise.StoreOptions{Offset: 2}, published: true, want: journal.Reconciled},
		{name: "removed since", published: true, want: journal.Lost, detail: "no such file",
			meddle: func(m *memfs.FS) { _ = m.Remove(context.Background(), anna, "/f") }},
		{name: "replaced by another size", published: true, want: journal.Lost, detail: "9 bytes",
			meddle: func(m *memfs.FS) { m.Put("/f", []byte("different")) }},
		{name: "replaced by other content", o: digest, published: true, want: journal.Lost, detail: "other content",
			meddle: func(m *memfs.FS) { m.Put("/f", []byte("wen.")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, m := file(t), memfs.New()
			m.Put("/f", []byte("old."))
			died(t, path, m, c.o, c.published, "/f", "new.", c.so)
			if c.meddle != nil {
				c.meddle(m)
			}
			r := after(t, path, m)
			assert.Equal(t, c.want, r.Event)
			assert.Contains(t, r.Detail, c.detail)
		})
	}
}

func TestANewFileIsLostOrReconciled(t *testing.T) {
	path, m := file(t), memfs.New()
	died(t, path, m, journal.Options{}, false, "/f", "x", paradise.StoreOptions{})
	assert.Equal(t, journal.Lost, after(t, path, m).Event)
	path = file(t)
	died(t, path, m, journal.Options{}, true, "/f", "x", paradise.StoreOptions{})
	assert.Equal(t, journal.Reconciled, after(t, path, m).Event)
}

func TestWhatCannotBeToldIsReconciled(t *testing.T) {
	path, m := file(t), noStat{memfs.New()}
	died(t, path, m, journal.Options{}, true, "/f", "x", paradise.StoreOptions{})
	r := after(t, path, m)
	assert.Equal(t, journal.Reconciled, r.Event)
	assert.Contains(t, r.Detail, "cannot tell")
}

func TestUploadsWaitForReconcile(t *testing.T) {
	path, m := file(t), memfs.New()
	died(t, path, m, journal.Options{}, true, "/f", "x", paradise.StoreOptions{})
	j := open(t, path, journal.Options{})
	_, err := j.Wrap(m).Store(t.Context(), anna, "/f", paradise.StoreOptions{})
	require.ErrorIs(t, err, journal.ErrNotReconciled)
	require.ErrorIs(t, j.Reconcile(t.Context(), failingStat{m}), errTest, "the storage is not there")
	_, err = j.Wrap(m).Store(t.Context(), anna, "/f", paradise.StoreOptions{})
	require.ErrorIs(t, err, journal.ErrNotReconciled, "still")
	require.NoError(t, j.Reconcile(t.Context(), m))
	require.NoError(t, put(t.Context(), j.Wrap(m), "/f", "y", paradise.StoreOptions{}))
	all := records(t, j, journal.Position{}, 4)
	assert.Equal(t, []journal.Event{journal.Intent, journal.Reconciled, journal.Intent, journal.Done}, kinds(all))
}

func TestReconcilingTwiceNotesOnce(t *testing.T) {
	path, m := file(t), memfs.New()
	died(t, path, m, journal.Options{}, true, "/f", "x", paradise.StoreOptions{})
	after(t, path, m)
	j := open(t, path, journal.Options{})
	require.NoError(t, j.Reconcile(t.Context(), m))
	assert.Equal(t, 3, lines(t, path), "head, intent, reconciled")
}

func TestIntentsOfTheLivingAreLeftAlone(t *testing.T) {
	path, m := file(t), memfs.New()
	old := open(t, path, journal.Options{})
	s := &steps{FileDriver: m}
	var young *journal.Journal
	s.before = func() error { // a new generation starts during a Commit of the old one
		young = open(t, path, journal.Options{})
		require.NoError(t, young.Reconcile(t.Context(), m))
		return put(t.Context(), young.Wrap(m), "/young", "y", paradise.StoreOptions{})
	}
	require.NoError(t, put(t.Context(), old.Wrap(s), "/old", "o", paradise.StoreOptions{}))
	all := records(t, young, journal.Position{}, 4)
	assert.Equal(t, []journal.Event{journal.Intent, journal.Intent, journal.Done, journal.Done}, kinds(all))
	assert.Equal(t, "/old", all[3].Name)
}

func TestAGenerationThatDiesLaterIsReconciledByTheOther(t *testing.T) {
	path, m := file(t), memfs.New()
	young := open(t, path, journal.Options{})
	died(t, path, m, journal.Options{}, true, "/f", "x", paradise.StoreOptions{})
	require.NoError(t, young.Reconcile(t.Context(), m))
	assert.Equal(t, []journal.Event{journal.Intent, journal.Reconciled}, kinds(records(t, young, journal.Position{}, 2)))
}

func TestATornLastLineIsPassedOver(t *testing.T) {
	path, m := file(t), memfs.New()
	died(t, path, m, journal.Options{}, true, "/f", "x", paradise.StoreOptions{})
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"id":"torn-1","event":"inte`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	assert.Equal(t, journal.Reconciled, after(t, path, m).Event)
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(now), string(whole)+`{"id":"torn-1","event":"inte`+"\n{"), "the next record has a line of its own")
}

func TestEveryLineIsJSON(t *testing.T) {
	path, m := file(t), memfs.New()
	d := open(t, path, journal.Options{Digest: true}).Wrap(m)
	require.NoError(t, put(t.Context(), d, "/a b\"\\", "x", paradise.StoreOptions{}))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(b)) {
		assert.True(t, json.Valid([]byte(line)), line)
	}
}
