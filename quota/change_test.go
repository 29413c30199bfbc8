package quota_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/paradisetest"
	"github.com/paradiseftp/paradise/quota"
)

// answers is a storage that does what it is asked and says something else.
type answers struct {
	*memfs.FS
	before, after error
	blind         bool // Stat fails once an error was returned
	failed        atomic.Bool
}

func (d *answers) around(do func() error) error {
	err := d.before
	if err == nil {
		err = do()
	}
	if err == nil {
		err = d.after
	}
	d.failed.Store(err != nil)
	return err
}

func (d *answers) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	if d.blind && d.failed.Load() {
		return paradise.Entry{}, errors.New("disk asleep")
	}
	return d.FS.Stat(ctx, s, name)
}

func (d *answers) Remove(ctx context.Context, s *paradise.Session, name string) error {
	return d.around(func() error { return d.FS.Remove(ctx, s, name) })
}

func (d *answers) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	return d.around(func() error { return d.FS.Rename(ctx, s, from, to, o) })
}

func (d *answers) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	u, err := d.FS.Store(ctx, s, name, o)
	return &answersUpload{u, d}, err
}

type answersUpload struct {
	paradise.Upload
	d *answers
}

func (u *answersUpload) Commit(ctx context.Context) error {
	return u.d.around(func() error { return u.Upload.Commit(ctx) })
}

var errLost = fmt.Errorf("bucket: %w", paradise.ErrUnknownOutcome)

func TestWhatAFailedChangeCameToIsCounted(t *testing.T) {
	none := paradise.RenameOptions{}
	for _, c := range []struct {
		name string
		do   func(ctx context.Context, q *quota.Driver) error
		done int64 // bytes, if it was done
	}{
		{"an upload", func(ctx context.Context, q *quota.Driver) error {
			return store(ctx, q, "/new", 7, paradise.StoreOptions{})
		}, 37},
		{"an upload over a file", func(ctx context.Context, q *quota.Driver) error {
			return store(ctx, q, "/a", 7, paradise.StoreOptions{})
		}, 27},
		{"a removal", func(ctx context.Context, q *quota.Driver) error { return q.Remove(ctx, anna, "/a") }, 20},
		{"a rename over a file", func(ctx context.Context, q *quota.Driver) error { return q.Rename(ctx, anna, "/a", "/b", none) }, 10},
		{"a rename", func(ctx context.Context, q *quota.Driver) error { return q.Rename(ctx, anna, "/a", "/c", none) }, 30},
	} {
		for what, d := range map[string]*answers{
			"done, the answer was lost":           {after: errLost},
			"done, and an error":                  {after: errors.New("fsync")},
			"done, and nothing can be seen":       {after: errLost, blind: true},
			"not done, the answer was lost":       {before: errLost},
			"not done, and an error":              {before: errors.New("disk asleep")},
			"not done, and nothing can be seen":   {before: errLost, blind: true},
			"not done, an error, nothing is seen": {before: errors.New("disk asleep"), blind: true},
		} {
			t.Run(c.name+" "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d.FS = memfs.New()
					d.Put("/a", make([]byte, 10))
					d.Put("/b", make([]byte, 20))
					q := quota.New(d, quota.Options{Limits: quota.Fixed(quota.Limits{Bytes: 100})})
					defer q.Close()
					uses(t, q, 30, 2, "before")
					require.Error(t, c.do(t.Context(), q))
					u, _, err := q.Usage(t.Context(), anna)
					require.NoError(t, err)
					want, files := sum(t, d.FS, "/")
					if d.blind {
						assert.GreaterOrEqual(t, u.Bytes, want, "never less than there is")
						d.failed.Store(false)
						time.Sleep(2 * time.Minute) // of the bubble's clock: it is counted anew
					}
					uses(t, q, want, files, "the sum of the files")
					assert.Equal(t, 100-want, left(t, q), "nothing stays reserved")
					if d.before == nil {
						assert.Equal(t, c.done, want)
					}
				})
			})
		}
	}
}

// lossy is a storage that loses the answer to each Rename.
type lossy struct{ paradise.FileDriver }

func (d lossy) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	return errors.Join(errLost, d.FileDriver.Rename(ctx, s, from, to, o))
}

func TestAnUploadFollowsAFolderWhoseMoveGotNoAnswer(t *testing.T) {
	d := storage(t, 1) // a folder on disk, which uploads hold
	require.NoError(t, d.Mkdir(t.Context(), anna, "/d"))
	require.NoError(t, store(t.Context(), d, "/d/f", 10, paradise.StoreOptions{}))
	q := quota.New(lossy{d}, quota.Options{})
	defer q.Close()
	u := begun(t, q, "/d/f", 3, paradise.StoreOptions{})
	require.ErrorIs(t, q.Rename(t.Context(), anna, "/d", "/e", paradise.RenameOptions{}), paradise.ErrUnknownOutcome)
	require.NoError(t, u.Commit(t.Context()))
	bytes, files := sum(t, d, "/")
	uses(t, q, bytes, files, "the sum of the files")
}

func TestWhatAppearsLateIsCountedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &answers{FS: memfs.New(), before: errLost}
		q := quota.New(d, quota.Options{})
		defer q.Close()
		require.ErrorIs(t, store(t.Context(), q, "/f", 7, paradise.StoreOptions{}), paradise.ErrUnknownOutcome)
		d.Put("/f", make([]byte, 7)) // the storage wakes up
		time.Sleep(2 * time.Minute)  // of the bubble's clock
		uses(t, q, 7, 1, "counted anew")
	})
}

func TestARenameThatIsRefusedFreesNothing(t *testing.T) {
	q, m := newQuota(t, quota.Limits{Bytes: 100})
	m.Put("/a", make([]byte, 10))
	m.Put("/b", make([]byte, 20))
	m.Put("/d/c", make([]byte, 30))
	for _, c := range []struct {
		from, to string
		o        paradise.RenameOptions
		err      error
	}{
		{"/a", "/b", paradise.RenameOptions{NoReplace: true}, fs.ErrExist},
		{"/a", "/d", paradise.RenameOptions{NoReplace: true}, fs.ErrExist},
		{"/d", "/b", paradise.RenameOptions{NoReplace: true}, fs.ErrExist},
		{"/a", "/e", paradise.RenameOptions{Folder: true}, paradise.ErrNotDir},
		{"/a", "/b", paradise.RenameOptions{Folder: true}, paradise.ErrNotDir},
		{"/no", "/b", paradise.RenameOptions{}, fs.ErrNotExist},
	} {
		assert.ErrorIs(t, q.Rename(t.Context(), anna, c.from, c.to, c.o), c.err, "%+v", c)
		uses(t, q, 60, 3, "all are there")
	}
	require.NoError(t, q.Rename(t.Context(), anna, "/a", "/free", paradise.RenameOptions{NoReplace: true}))
	require.NoError(t, q.Rename(t.Context(), anna, "/d", "/e", paradise.RenameOptions{Folder: true, NoReplace: true}))
	uses(t, q, 60, 3, "all are there")
	assert.ErrorIs(t, store(t.Context(), q, "/gone", 1, paradise.StoreOptions{Existing: true}), fs.ErrNotExist)
	assert.ErrorIs(t, store(t.Context(), q, "/b", 1, paradise.StoreOptions{Append: true, Exclusive: true}), fs.ErrExist)
	refusal := errors.New("not this")
	refuse := func([]byte, int64) error { return refusal }
	assert.ErrorIs(t, store(t.Context(), q, "/b", 1, paradise.StoreOptions{Append: true, Accept: refuse}), refusal)
	uses(t, q, 60, 3, "nothing came")
	assert.EqualValues(t, 40, left(t, q), "and nothing stays reserved")
}

// folding is a storage that takes upper and lower case for one, and tells no
// identities.
type folding struct{ *memfs.FS }

func (d folding) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	e, err := d.FS.Stat(ctx, s, strings.ToLower(name))
	e.Unique = ""
	return e, err
}

func (d folding) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	return d.FS.Rename(ctx, s, strings.ToLower(from), strings.ToLower(to), o)
}

func TestAnotherSpellingOfTheNameFreesNothing(t *testing.T) {
	m := memfs.New()
	m.Put("/f", make([]byte, 10))
	q := quota.New(folding{m}, quota.Options{})
	defer q.Close()
	uses(t, q, 10, 1, "before")
	for _, o := range []paradise.RenameOptions{{}, {NoReplace: true}} {
		require.NoError(t, q.Rename(t.Context(), anna, "/f", "/F", o))
		uses(t, q, 10, 1, "the file is still there")
	}
}

// swaps lets a folder take a file's place between the look and the rename.
type swaps struct {
	*memfs.FS
	looks int
}

func (d *swaps) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	e, err := d.FS.Stat(ctx, s, name)
	if d.looks++; d.looks == 1 {
		_ = d.FS.Remove(ctx, s, name)
		d.Put(name+"/below", make([]byte, 5))
	}
	return e, err
}

func TestAFileThatBecameAFolderMovesAsOne(t *testing.T) {
	d := &swaps{FS: memfs.New()}
	d.Put("/f", make([]byte, 10))
	q := quota.New(d, quota.Options{})
	defer q.Close()
	d.looks = 1 // not during the count
	u := begun(t, q, "/g", 1, paradise.StoreOptions{})
	d.looks = 0
	require.NoError(t, q.Rename(t.Context(), anna, "/f", "/moved", paradise.RenameOptions{}))
	require.NoError(t, u.Commit(t.Context()))
	require.NoError(t, q.Rescan(t.Context(), anna))
	uses(t, q, 6, 2, "below and /g")
}

// What a user has put in the way he can take away, and others have no part in it.
func TestATreeThatCannotBeCountedBlocksOnlyWhatNeedsTheNumber(t *testing.T) {
	m := memfs.New()
	m.Put("/f", make([]byte, 10))
	m.Put("/g", make([]byte, 20))
	m.Put("/closed/h", make([]byte, 30))
	var log bytes.Buffer
	q := quota.New(closed{m}, quota.Options{
		Limits: quota.Fixed(quota.Limits{Bytes: 100}),
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	defer q.Close()
	c := paradisetest.NewServer(t, &paradise.Server{Files: q}).Dial()
	c.Login()
	c.EPSV()
	assert.Contains(t, c.Expect(451, "STOR /new").Text(), "cannot be counted")
	c.Expect(451, "AVBL")
	assert.Contains(t, log.String(), "/closed")
	c.Expect(250, "DELE /f")
	c.Expect(350, "RNFR /g")
	c.Expect(250, "RNTO /f")
	c.Expect(257, "MKD /d")
	c.Expect(350, "RNFR /closed")
	c.Expect(250, "RNTO /opened")
	c.Expect(200, "TYPE I")
	assert.Equal(t, 226, c.Store("STOR /new", "x").Code)
	assert.Equal(t, "49", c.Expect(213, "AVBL").Text())
	uses(t, q, 51, 3, "all")
}

// closed is a storage whose folder "closed" cannot be listed.
type closed struct{ *memfs.FS }

func (d closed) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	if dir == "/closed" {
		return nil, &fs.PathError{Op: "list", Path: dir, Err: fs.ErrPermission}
	}
	return d.FS.List(ctx, s, dir)
}
