package quota_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/osfs"
	"github.com/paradiseftp/paradise/paradisetest"
	"github.com/paradiseftp/paradise/quota"
)

// tree is a storage that is never built: below says what a folder has.
type tree struct {
	paradise.UnimplementedFileDriver
	below func(dir string) []paradise.Entry
	lists map[string]int
}

func (d *tree) List(_ context.Context, _ *paradise.Session, dir string) (paradise.Listing, error) {
	if d.lists == nil {
		d.lists = map[string]int{}
	}
	d.lists[dir]++
	return paradise.Entries(d.below(dir)), nil
}

func (d *tree) Stat(_ context.Context, _ *paradise.Session, name string) (paradise.Entry, error) {
	return paradise.Entry{Name: path.Base(name), Mode: fs.ModeDir, Unique: "root"}, nil
}

func folder(name string) paradise.Entry { return paradise.Entry{Name: name, Mode: fs.ModeDir} }

func aFile(name string, size int64) paradise.Entry { return paradise.Entry{Name: name, Size: size} }

// counts is what a first count finds.
func counts(t *testing.T, d paradise.FileDriver) quota.Usage {
	t.Helper()
	q := quota.New(d, quota.Options{})
	defer q.Close()
	u, _, err := q.Usage(t.Context(), anna)
	require.NoError(t, err)
	return u
}

func TestADeepTreeIsCounted(t *testing.T) {
	for _, depth := range []int{64, 65, 70, 1000, 3000} {
		d := &tree{below: func(dir string) []paradise.Entry {
			entries := []paradise.Entry{aFile("f", 2)}
			if strings.Count(dir, "/d") < depth {
				entries = append(entries, folder("d"))
			}
			return entries
		}}
		assert.Equal(t, quota.Usage{Bytes: 2 * int64(depth+1), Files: int64(depth + 1)}, counts(t, d))
		assert.Len(t, d.lists, depth+1)
	}
}

func TestAWideTreeIsCountedWithoutRememberingIt(t *testing.T) {
	const width = 100_000
	entries := []paradise.Entry{aFile("f", 1)}
	for i := range width {
		entries = append(entries, folder(strconv.Itoa(i*7919%width))) // in no order
	}
	d := &tree{below: func(dir string) []paradise.Entry {
		if dir == "/" {
			return entries
		}
		return []paradise.Entry{aFile("f", 1)}
	}}
	assert.Equal(t, quota.Usage{Bytes: width + 1, Files: width + 1}, counts(t, d))
	assert.Equal(t, width/65536+1, d.lists["/"], "each time as many names as are remembered")
	delete(d.lists, "/")
	assert.Len(t, d.lists, width)
	for dir, n := range d.lists {
		require.Equal(t, 1, n, dir)
	}
}

// Wide on each level: what is left of the upper ones leaves little for the lower.
func TestATreeThatIsDeepAndWideIsCounted(t *testing.T) {
	const width, depth = 3000, 60
	wide := []paradise.Entry{folder("~deeper")}
	for i := range width {
		wide = append(wide, folder(fmt.Sprintf("%04d", i)))
	}
	d := &tree{below: func(dir string) []paradise.Entry {
		if strings.Count(dir, "/~deeper") == strings.Count(dir, "/") && strings.Count(dir, "/") < depth || dir == "/" {
			return wide
		}
		return []paradise.Entry{aFile("f", 1)}
	}}
	assert.EqualValues(t, width*depth+1, counts(t, d).Files)
}

func TestFoldersThatLeadBackAreCountedOnce(t *testing.T) {
	d := &tree{below: func(dir string) []paradise.Entry {
		self, sub := folder("self"), folder("sub")
		self.Unique, sub.Unique = "root", "sub"
		if strings.HasSuffix(dir, "/sub") {
			up := folder("up")
			up.Unique = "root"
			return []paradise.Entry{aFile("f", 1), up}
		}
		link := paradise.Entry{Name: "link", Mode: fs.ModeSymlink, Target: "."}
		return []paradise.Entry{aFile("f", 1), self, sub, link}
	}}
	assert.Equal(t, quota.Usage{Bytes: 2, Files: 2}, counts(t, d))
}

// vanishing is a storage whose folder "d" goes as it is listed.
type vanishing struct {
	*memfs.FS
	halfway bool
}

func (d vanishing) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	if dir != "/d" {
		return d.FS.List(ctx, s, dir)
	}
	_ = d.Rename(ctx, s, "/d", "/.gone", paradise.RenameOptions{})
	gone := &fs.PathError{Op: "list", Path: dir, Err: fs.ErrNotExist}
	if d.halfway {
		return func(yield func(paradise.Entry, error) bool) { yield(paradise.Entry{}, gone) }, nil
	}
	return nil, gone
}

func TestAFolderThatGoesDuringTheCountIsNoError(t *testing.T) {
	for _, halfway := range []bool{false, true} {
		m := memfs.New()
		m.Put("/a", make([]byte, 10))
		m.Put("/d/b", make([]byte, 20))
		m.Put("/e/c", make([]byte, 30))
		assert.EqualValues(t, 40, counts(t, vanishing{m, halfway}).Bytes)
	}
}

// half is a storage that knows no folders below the root, or lists them not to the
// end.
type half struct {
	*memfs.FS
	err error
}

func (d half) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	if dir == "/" {
		return d.FS.List(ctx, s, dir)
	}
	return func(yield func(paradise.Entry, error) bool) {
		if yield(aFile("f", 1), nil) {
			yield(paradise.Entry{}, d.err)
		}
	}, nil
}

func TestWhatIsCountedByHalfIsNoCount(t *testing.T) {
	for _, err := range []error{errors.New("disk asleep"), fs.ErrPermission, fs.ErrNotExist, errors.ErrUnsupported} {
		q := quota.New(half{seeded(), err}, quota.Options{})
		_, _, got := q.Usage(t.Context(), anna)
		assert.ErrorIs(t, got, err)
		require.NoError(t, q.Close())
	}
}

// A user nests folders, and the server starts anew.
func TestManyFoldersInOneAnotherBlockNobody(t *testing.T) {
	d, err := osfs.Open(t.TempDir(), osfs.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	dir := ""
	for range 70 {
		dir += "/d"
		require.NoError(t, d.Mkdir(t.Context(), anna, dir))
	}
	require.NoError(t, store(t.Context(), d, dir+"/f", 10, paradise.StoreOptions{}))
	q := quota.New(d, quota.Options{Limits: quota.Fixed(quota.Limits{Bytes: 100})})
	t.Cleanup(func() { assert.NoError(t, q.Close()) })
	c := paradisetest.NewServer(t, &paradise.Server{Files: q}).Dial()
	c.Login()
	assert.Equal(t, "90", c.Expect(213, "AVBL").Text())
	assert.Equal(t, 226, c.Store("STOR /new", "x").Code)
	c.Expect(350, "RNFR /new")
	c.Expect(250, "RNTO %s/new", dir)
	c.Expect(250, "DELE %s/f", dir)
	assert.Equal(t, "99", c.Expect(213, "AVBL").Text())
}
