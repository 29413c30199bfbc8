package quota_test

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/osfs"
	"github.com/paradiseftp/paradise/paradisetest"
	"github.com/paradiseftp/paradise/quota"
)

var anna = &paradise.Session{ID: 1, User: paradise.User{Name: "anna"}}

// newQuota wraps a storage in memory; step 1 makes reservations exact.
func newQuota(t *testing.T, l quota.Limits) (*quota.Driver, *memfs.FS) {
	t.Helper()
	m := memfs.New()
	q := quota.New(m, quota.Options{Limits: quota.Fixed(l), Step: 1})
	t.Cleanup(func() { assert.NoError(t, q.Close()) })
	return q, m
}

// begun is an upload that has taken n bytes.
func begun(t *testing.T, d paradise.FileDriver, name string, n int, o paradise.StoreOptions) paradise.Upload {
	t.Helper()
	u, err := d.Store(t.Context(), anna, name, o)
	require.NoError(t, err)
	require.NoError(t, u.Begin(t.Context(), paradise.UploadInfo{}))
	_, err = u.Write(make([]byte, n))
	require.NoError(t, err)
	return u
}

// store makes a whole upload or none.
func store(ctx context.Context, d paradise.FileDriver, name string, n int, o paradise.StoreOptions) error {
	u, err := d.Store(ctx, anna, name, o)
	if err != nil {
		return err
	}
	err = u.Begin(ctx, paradise.UploadInfo{})
	if err == nil {
		_, err = u.Write(make([]byte, n))
	}
	if err == nil {
		err = u.Commit(ctx)
	}
	if err != nil {
		u.Abort(ctx, err)
	}
	return err
}

func put(t *testing.T, d paradise.FileDriver, name string, n int) {
	t.Helper()
	require.NoError(t, store(t.Context(), d, name, n, paradise.StoreOptions{}))
}

func uses(t *testing.T, q *quota.Driver, bytes, files int64, message string) {
	t.Helper()
	u, _, err := q.Usage(t.Context(), anna)
	require.NoError(t, err)
	assert.Equal(t, quota.Usage{Bytes: bytes, Files: files}, u, message)
}

func left(t *testing.T, q *quota.Driver) int64 {
	t.Helper()
	n, err := q.Space(t.Context(), anna, "/")
	require.NoError(t, err)
	return n
}

func TestKeepsTheRulesOfDrivers(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		paradisetest.TestFileDriver(t, paradisetest.DriverOptions{
			New: func(testing.TB) paradise.FileDriver {
				return quota.New(memfs.New(), quota.Options{Limits: quota.Fixed(quota.Limits{Bytes: 1 << 40, Files: 1 << 20})})
			},
		})
	})
	t.Run("folder", func(t *testing.T) {
		paradisetest.TestFileDriver(t, paradisetest.DriverOptions{
			New: func(tb testing.TB) paradise.FileDriver {
				d, err := osfs.Open(tb.TempDir(), osfs.Options{})
				require.NoError(tb, err)
				tb.Cleanup(func() { d.Close() })
				return quota.New(d, quota.Options{Limits: quota.Fixed(quota.Limits{Bytes: 1 << 40})})
			},
		})
	})
}

func TestEveryChangeIsCounted(t *testing.T) {
	q, _ := newQuota(t, quota.Limits{Bytes: 1000, Files: 10})
	put(t, q, "/a", 100)
	uses(t, q, 100, 1, "a new file")
	put(t, q, "/a", 300)
	uses(t, q, 300, 1, "a larger version")
	put(t, q, "/a", 50)
	uses(t, q, 50, 1, "a smaller version frees")
	require.NoError(t, store(t.Context(), q, "/a", 25, paradise.StoreOptions{Append: true}))
	uses(t, q, 75, 1, "an append")
	require.NoError(t, store(t.Context(), q, "/a", 10, paradise.StoreOptions{Offset: 20}))
	uses(t, q, 30, 1, "an upload from an offset cuts the rest")
	put(t, q, "/b", 200)
	require.NoError(t, q.Rename(t.Context(), anna, "/b", "/c", paradise.RenameOptions{}))
	uses(t, q, 230, 2, "a rename to a free name")
	require.NoError(t, q.Rename(t.Context(), anna, "/a", "/c", paradise.RenameOptions{}))
	uses(t, q, 30, 1, "a rename over a file")
	require.NoError(t, q.Rename(t.Context(), anna, "/c", "/c", paradise.RenameOptions{}))
	uses(t, q, 30, 1, "a rename to itself")
	require.NoError(t, q.Mkdir(t.Context(), anna, "/d"))
	require.NoError(t, q.Rename(t.Context(), anna, "/d", "/e", paradise.RenameOptions{}))
	require.NoError(t, q.RemoveDir(t.Context(), anna, "/e"))
	uses(t, q, 30, 1, "folders do not count")
	require.NoError(t, q.Remove(t.Context(), anna, "/c"))
	uses(t, q, 0, 0, "a removed file")
	assert.ErrorIs(t, q.Remove(t.Context(), anna, "/c"), fs.ErrNotExist)
	uses(t, q, 0, 0, "a file that was not there")
}

func TestCopiesGoThroughTheCore(t *testing.T) {
	q, _ := newQuota(t, quota.Limits{})
	put(t, q, "/a", 1)
	assert.ErrorIs(t, q.Copy(t.Context(), anna, "/a", "/b", paradise.CopyOptions{}), errors.ErrUnsupported)
}

func TestAFullAccountIsRefusedAtStore(t *testing.T) {
	q, m := newQuota(t, quota.Limits{Bytes: 100, Files: 2})
	put(t, q, "/a", 100)
	for name, o := range map[string]paradise.StoreOptions{
		"/new": {}, "/a": {Append: true},
	} {
		_, err := q.Store(t.Context(), anna, name, o)
		assert.ErrorIs(t, err, paradise.ErrQuota, "%s %+v", name, o)
	}
	put(t, q, "/a", 90)
	put(t, q, "/b", 5)
	_, err := q.Store(t.Context(), anna, "/c", paradise.StoreOptions{})
	assert.ErrorIs(t, err, paradise.ErrQuota, "a file too many")
	uses(t, q, 95, 2, "nothing was taken")
	assert.Zero(t, left(t, q), "no new file fits")
	_, err = m.Get("/c")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestAnAnnouncedSizeIsHeldAgainstTheQuotaAtOnce(t *testing.T) {
	q, _ := newQuota(t, quota.Limits{Bytes: 100})
	put(t, q, "/a", 40)
	_, err := q.Store(t.Context(), anna, "/b", paradise.StoreOptions{SizeHint: 61})
	assert.ErrorIs(t, err, paradise.ErrQuota)
	assert.EqualValues(t, 60, left(t, q), "a refusal holds nothing")
	u, err := q.Store(t.Context(), anna, "/b", paradise.StoreOptions{SizeHint: 60})
	require.NoError(t, err)
	assert.Zero(t, left(t, q), "reserved")
	u.Abort(t.Context(), errors.New("never came"))
	assert.EqualValues(t, 60, left(t, q), "released")
	u, err = q.Store(t.Context(), anna, "/a", paradise.StoreOptions{SizeHint: 100})
	require.NoError(t, err, "what is replaced makes room")
	u.Abort(t.Context(), errors.New("never came"))
}

func TestAFullAccountMayReplaceByASmallerFile(t *testing.T) {
	q, _ := newQuota(t, quota.Limits{Bytes: 100})
	put(t, q, "/a", 100)
	assert.ErrorIs(t, store(t.Context(), q, "/a", 101, paradise.StoreOptions{}), paradise.ErrQuota)
	uses(t, q, 100, 1, "the old version stays")
	put(t, q, "/a", 60)
	assert.EqualValues(t, 40, left(t, q))
}

func TestTwoUploadsCannotExceedTogether(t *testing.T) {
	q, _ := newQuota(t, quota.Limits{Bytes: 100})
	a := begun(t, q, "/a", 60, paradise.StoreOptions{})
	b := begun(t, q, "/b", 40, paradise.StoreOptions{})
	_, err := b.Write([]byte("x"))
	require.ErrorIs(t, err, paradise.ErrQuota)
	require.NoError(t, a.Commit(t.Context()))
	b.Abort(t.Context(), err)
	uses(t, q, 60, 1, "one of them")
	assert.EqualValues(t, 40, left(t, q))
}

func TestCreditForAReplacedFileIsLookedAtAgainAtCommit(t *testing.T) {
	q, _ := newQuota(t, quota.Limits{Bytes: 100})
	put(t, q, "/a", 100)
	u := begun(t, q, "/a", 100, paradise.StoreOptions{}) // on the credit of the old version
	require.NoError(t, q.Remove(t.Context(), anna, "/a"))
	put(t, q, "/b", 50)
	err := u.Commit(t.Context())
	require.ErrorIs(t, err, paradise.ErrQuota)
	u.Abort(t.Context(), err)
	uses(t, q, 50, 1, "nothing was published")
	assert.EqualValues(t, 50, left(t, q), "nothing stays reserved")
}

func TestReservationsAreStepsWhereTheyFit(t *testing.T) {
	q := quota.New(memfs.New(), quota.Options{Limits: quota.Fixed(quota.Limits{Bytes: 250}), Step: 100})
	defer q.Close()
	u := begun(t, q, "/a", 1, paradise.StoreOptions{})
	assert.EqualValues(t, 150, left(t, q), "a step")
	v := begun(t, q, "/b", 150, paradise.StoreOptions{})
	assert.Zero(t, left(t, q), "what is needed where a step does not fit")
	v.Abort(t.Context(), errors.New("enough"))
	require.NoError(t, u.Commit(t.Context()))
	assert.EqualValues(t, 249, left(t, q), "a file counts its size, not its steps")
}

func TestManyUploadsAtOnceStayBelowTheLimit(t *testing.T) {
	const limit = 10_000
	m := memfs.New()
	q := quota.New(m, quota.Options{Limits: quota.Fixed(quota.Limits{Bytes: limit, Files: 20}), Step: 64})
	defer q.Close()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for round := range 50 {
				name := "/" + string(rune('a'+(i*7+round)%30))
				if round%5 == 4 {
					_ = q.Remove(t.Context(), anna, name)
					continue
				}
				err := store(t.Context(), q, name, (i*131+round*977)%3000, paradise.StoreOptions{Append: round%3 == 0})
				if err != nil {
					assert.ErrorIs(t, err, paradise.ErrQuota)
				}
				u, _, err := q.Usage(t.Context(), anna)
				assert.NoError(t, err)
				assert.LessOrEqual(t, u.Bytes, int64(limit))
				assert.LessOrEqual(t, u.Files, int64(20))
			}
		})
	}
	wg.Wait()
	bytes, files := sum(t, m, "/")
	uses(t, q, bytes, files, "the sum of the files")
	assert.LessOrEqual(t, bytes, int64(limit))
}

func TestSpaceIsTheLesserOfQuotaAndStorage(t *testing.T) {
	m := memfs.New()
	m.Capacity = 500
	for limit, want := range map[int64]int64{0: 500, 300: 300, 800: 500, -1: 0} {
		q := quota.New(m, quota.Options{Limits: quota.Fixed(quota.Limits{Bytes: limit})})
		assert.Equal(t, want, left(t, q), "limit %d", limit)
		q.Close()
	}
	q := quota.New(spaceless{memfs.New()}, quota.Options{})
	defer q.Close()
	assert.NotZero(t, q.Features(anna)&paradise.FeatureSpace)
	assert.EqualValues(t, math.MaxInt64, left(t, q), "where neither bounds")
}

type spaceless struct{ paradise.FileDriver }

func (spaceless) Space(context.Context, *paradise.Session, string) (int64, error) {
	return 0, errors.ErrUnsupported
}

func TestAccountsAreByKey(t *testing.T) {
	homes := map[string]*memfs.FS{"anna": memfs.New(), "ben": memfs.New()}
	q := quota.New(byUser{homes: homes}, quota.Options{Limits: func(s *paradise.Session) quota.Limits {
		return map[string]quota.Limits{"anna": {Bytes: 10}, "ben": {Bytes: 20}}[s.User.Name]
	}})
	defer q.Close()
	ben := &paradise.Session{ID: 2, User: paradise.User{Name: "ben"}}
	homes["ben"].Put("/old", make([]byte, 5))
	put(t, q, "/f", 10)
	n, err := q.Space(t.Context(), ben, "/")
	require.NoError(t, err)
	assert.EqualValues(t, 15, n)
	assert.Zero(t, left(t, q))
}

// byUser gives each user a storage of its own.
type byUser struct {
	paradise.UnimplementedFileDriver
	homes map[string]*memfs.FS
}

func (b byUser) of(s *paradise.Session) *memfs.FS { return b.homes[s.User.Name] }

func (b byUser) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	return b.of(s).Stat(ctx, s, name)
}

func (b byUser) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	return b.of(s).List(ctx, s, dir)
}

func (b byUser) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	return b.of(s).Store(ctx, s, name, o)
}

// What clients see: a full account is refused before a byte is sent, and an upload
// that does not fit ends with 552 and leaves nothing.
func TestRepliesOverTheWire(t *testing.T) {
	q, m := newQuota(t, quota.Limits{Bytes: 1000})
	m.Put("/old", make([]byte, 400))
	c := paradisetest.NewServer(t, &paradise.Server{Files: q}).Dial()
	c.Login()
	assert.Equal(t, "600", c.Expect(213, "AVBL").Text())
	assert.Equal(t, 552, c.Store("STOR /large", strings.Repeat("x", 601)).Code)
	_, err := m.Get("/large")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	c.Expect(350, "SITE CPFR /old")
	c.Expect(250, "SITE CPTO /copy")
	c.Expect(350, "SITE CPFR /old")
	c.Expect(552, "SITE CPTO /copy2")
	assert.Equal(t, 226, c.Store("STOR /rest", strings.Repeat("x", 200)).Code)
	c.EPSV()
	c.Expect(552, "STOR /more")
	c.Expect(250, "DELE /old")
	assert.Equal(t, 226, c.Store("STOR /more", strings.Repeat("x", 400)).Code)
}
