package journal_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/journal"
	"github.com/paradiseftp/paradise/memfs"
)

var anna = &paradise.Session{ID: 7, Host: "ftp.example.com", User: paradise.User{Name: "anna"}}

var errTest = errors.New("by the test")

func open(t testing.TB, path string, o journal.Options) *journal.Journal {
	t.Helper()
	j, err := journal.Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { j.Close() })
	return j
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "uploads.jsonl") }

// put makes a whole upload or none.
func put(ctx context.Context, d paradise.FileDriver, name, data string, o paradise.StoreOptions) error {
	u, err := written(ctx, d, name, data, o)
	if err != nil {
		return err
	}
	if err := u.Commit(ctx); err != nil {
		u.Abort(ctx, err)
		return err
	}
	return nil
}

// written is an upload that wants its Commit.
func written(ctx context.Context, d paradise.FileDriver, name, data string, o paradise.StoreOptions) (paradise.Upload, error) {
	u, err := d.Store(ctx, anna, name, o)
	if err != nil {
		return nil, err
	}
	err = u.Begin(ctx, paradise.UploadInfo{ContentType: "text/plain"})
	if err == nil {
		_, err = u.Write([]byte(data))
	}
	if err != nil {
		u.Abort(ctx, err)
		return nil, err
	}
	return u, nil
}

// records reads all there is, from a position on.
func records(t testing.TB, j *journal.Journal, from journal.Position, n int) []journal.Record {
	t.Helper()
	var all []journal.Record
	if n == 0 {
		return nil
	}
	for r, err := range j.Follow(t.Context(), from) {
		require.NoError(t, err)
		all = append(all, r)
		if len(all) == n {
			break
		}
	}
	return all
}

func kinds(all []journal.Record) []journal.Event {
	var k []journal.Event
	for _, r := range all {
		k = append(k, r.Event)
	}
	return k
}

func lines(t testing.TB, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return bytes.Count(b, []byte("\n"))
}

// steps is a storage with something done round Commit.
type steps struct {
	paradise.FileDriver
	before, after func() error
}

func (s *steps) Store(ctx context.Context, ses *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	u, err := s.FileDriver.Store(ctx, ses, name, o)
	if err != nil {
		return nil, err
	}
	return &stepUpload{Upload: u, s: s}, nil
}

type stepUpload struct {
	paradise.Upload
	s *steps
}

func (u *stepUpload) Commit(ctx context.Context) error {
	if u.s.before != nil {
		if err := u.s.before(); err != nil {
			return err
		}
	}
	if err := u.Upload.Commit(ctx); err != nil {
		return err
	}
	if u.s.after != nil {
		return u.s.after()
	}
	return nil
}

func content(t testing.TB, m *memfs.FS, name string) string {
	t.Helper()
	b, err := m.Get(name)
	require.NoError(t, err)
	return string(b)
}

func assertAbsent(t testing.TB, m *memfs.FS, name string) {
	t.Helper()
	_, err := m.Get(name)
	assert.ErrorIs(t, err, os.ErrNotExist)
}
