package osfs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

// logText is what a driver has logged, a line per record.
type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logText) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.b.Bytes(), []byte(text))
}

const (
	saidGone      = `level=ERROR msg="osfs: the folder cannot be served"`
	saidBack      = `level=INFO msg="osfs: the folder is served again"`
	saidExchanged = `level=WARN msg="osfs: the path names another folder`
)

// within serves the folder "served" of a new one, which it returns.
func within(t *testing.T, o Options) (d *Driver, parent string, log *logText) {
	parent, log = t.TempDir(), &logText{}
	put(t, parent, "served/old", "old")
	o.Logger = log.logger()
	d, err := Open(filepath.Join(parent, "served"), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d, parent, log
}

// unavailable holds an error to what users must see of a folder that is gone:
// not that the file they ask for is missing.
func unavailable(t *testing.T, err error) {
	t.Helper()
	r, ok := err.(*paradise.ReplyError)
	require.True(t, ok, "%v", err)
	require.Equal(t, 451, r.Code)
	require.NotErrorIs(t, err, fs.ErrNotExist)
}

// exchanges are ways in which a path comes to name another folder.
var exchanges = map[string]func(t *testing.T, parent string){
	"renamed and made anew": func(t *testing.T, parent string) {
		require.NoError(t, os.Rename(filepath.Join(parent, "served"), filepath.Join(parent, "away")))
		put(t, parent, "served/new", "new")
	},
	"removed and made anew": func(t *testing.T, parent string) {
		require.NoError(t, os.RemoveAll(filepath.Join(parent, "served")))
		put(t, parent, "served/new", "new")
	},
	"a link that leads elsewhere": func(t *testing.T, parent string) {
		put(t, parent, "other/new", "new")
		require.NoError(t, os.Rename(filepath.Join(parent, "served"), filepath.Join(parent, "away")))
		require.NoError(t, os.Symlink("other", filepath.Join(parent, "served")))
	},
	"exchanged with another": func(t *testing.T, parent string) {
		put(t, parent, "other/new", "new")
		require.NoError(t, os.Rename(filepath.Join(parent, "served"), filepath.Join(parent, "away")))
		require.NoError(t, os.Rename(filepath.Join(parent, "other"), filepath.Join(parent, "served")))
	},
}

func TestTheFolderIsWhatItsPathNames(t *testing.T) {
	needs.That(t, runtime.GOOS != "windows", "Windows does not rename an open folder")
	for way, exchange := range exchanges {
		t.Run(way, func(t *testing.T) {
			d, parent, log := within(t, Options{})
			exchange(t, parent)
			assert.Equal(t, []string{"new"}, names(t, d, "/"))
			store(t, d, "/f", "x", paradise.StoreOptions{})
			assert.Equal(t, "x", get(t, parent, "served/f"))
			require.NoError(t, d.Ready())
			assert.Equal(t, 1, log.count(saidExchanged))
			assert.Zero(t, log.count(saidGone))
		})
	}
}

func TestNoUploadIsPublishedIntoAFolderThatNobodyFinds(t *testing.T) {
	needs.That(t, runtime.GOOS != "windows", "Windows does not rename an open folder")
	exchanges["gone"] = func(t *testing.T, parent string) {
		require.NoError(t, os.Rename(filepath.Join(parent, "served"), filepath.Join(parent, "away")))
	}
	defer delete(exchanges, "gone")
	for how, o := range map[string]struct {
		Options
		named bool
		so    paradise.StoreOptions
	}{
		"new file":  {},
		"named":     {named: true},
		"append":    {so: paradise.StoreOptions{Append: true}},
		"exclusive": {so: paradise.StoreOptions{Exclusive: true}},
		"in place":  {Options: Options{InPlaceResume: true}, so: paradise.StoreOptions{Append: true}},
	} {
		for way, exchange := range exchanges {
			t.Run(how+", "+way, func(t *testing.T) {
				d, parent, _ := within(t, o.Options)
				d.at.Load().named.Store(o.named || d.at.Load().named.Load())
				name := "/old"
				if o.so.Exclusive {
					name = "/f"
				}
				u := begin(t, d, name, " and new", o.so)
				exchange(t, parent)
				err := u.Commit(ctx)
				unavailable(t, err)
				u.Abort(ctx, err)
				require.NoError(t, d.Close())
				assert.NoFileExists(t, filepath.Join(parent, "served/f"))
				assert.NoFileExists(t, filepath.Join(parent, "away/f"))
				if away, err := os.ReadFile(filepath.Join(parent, "away/old")); err == nil {
					assert.Equal(t, "old", string(away))
				}
				assert.Empty(t, parts(t, parent))
			})
		}
	}
}

func TestReadersGoOnInTheFolderThatTheyHave(t *testing.T) {
	needs.That(t, runtime.GOOS == "linux", "elsewhere a listing looks files up by their folder's name")
	d, parent, _ := within(t, Options{})
	f, err := d.Open(ctx, session, "/old", 0)
	require.NoError(t, err)
	l, err := d.List(ctx, session, "/")
	require.NoError(t, err)
	exchanges["renamed and made anew"](t, parent)
	require.Equal(t, []string{"new"}, names(t, d, "/"))
	b, err := io.ReadAll(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	assert.Equal(t, "old", string(b))
	for e, err := range l {
		require.NoError(t, err)
		assert.Equal(t, "old", e.Name)
	}
}

func TestAFolderThatIsGoneIsSaidOnceAndHealsByItself(t *testing.T) {
	needs.That(t, runtime.GOOS != "windows", "Windows does not rename an open folder")
	for way, gone := range map[string]struct{ take, giveBack func(parent string) error }{
		"renamed": {
			func(p string) error { return os.Rename(p+"/served", p+"/away") },
			func(p string) error { return os.Rename(p+"/away", p+"/served") },
		},
		"removed": {
			func(p string) error { return os.RemoveAll(p + "/served") },
			func(p string) error { return os.Mkdir(p+"/served", 0o755) },
		},
		"a file in its place": {
			func(p string) error {
				return joined(os.Rename(p+"/served", p+"/away"), os.WriteFile(p+"/served", nil, 0o644))
			},
			func(p string) error { return joined(os.Remove(p+"/served"), os.Rename(p+"/away", p+"/served")) },
		},
		"a link to nowhere": {
			func(p string) error {
				return joined(os.Rename(p+"/served", p+"/away"), os.Symlink("nowhere", p+"/served"))
			},
			func(p string) error { return os.Rename(p+"/away", p+"/nowhere") },
		},
		"a parent renamed": {
			func(p string) error { return os.Rename(p, p+"-away") },
			func(p string) error { return os.Rename(p+"-away", p) },
		},
	} {
		t.Run(way, func(t *testing.T) {
			d, parent, log := within(t, Options{})
			require.NoError(t, d.Ready())
			require.NoError(t, gone.take(parent))
			for range 2 {
				_, err := d.Stat(ctx, session, "/old")
				unavailable(t, err)
				_, err = d.List(ctx, session, "/")
				unavailable(t, err)
				_, err = d.Store(ctx, session, "/f", paradise.StoreOptions{})
				unavailable(t, err)
				unavailable(t, d.Ready())
			}
			assert.Equal(t, 1, log.count(saidGone))
			require.NoError(t, gone.giveBack(parent))
			store(t, d, "/f", "x", paradise.StoreOptions{})
			require.NoError(t, d.Ready())
			assert.Equal(t, 1, log.count(saidBack))
			assert.Equal(t, 1, log.count(saidGone))
		})
	}
}

func joined(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A server of network files that was set up anew knows old handles no more, and
// may give the same numbers.
func TestAStaleHandleIsOpenedAgain(t *testing.T) {
	d, _, log := within(t, Options{})
	was := d.at.Load()
	was.heed(mapError(&fs.PathError{Op: "open", Path: "f", Err: syscall.ESTALE}))
	assert.Equal(t, []string{"old"}, names(t, d, "/"))
	assert.NotSame(t, was, d.at.Load())
	assert.Equal(t, 1, log.count(saidExchanged))
}

func TestTheNewFolderIsSweptAndTheOldOneLeftClean(t *testing.T) {
	needs.That(t, runtime.GOOS != "windows", "Windows does not rename an open folder")
	d, parent, _ := within(t, Options{})
	d.at.Load().named.Store(true)
	u := begin(t, d, "/f", "x", paradise.StoreOptions{})
	was := d.at.Load()
	put(t, parent, "next/.paradise-id.lock", ".\x00")
	put(t, parent, "next/.paradise-id-1.part", "half")
	require.NoError(t, os.Rename(parent+"/served", parent+"/away"))
	require.NoError(t, os.Rename(parent+"/next", parent+"/served"))
	_, err := d.Stat(ctx, session, "/")
	require.NoError(t, err)
	<-d.Swept()
	assert.Empty(t, leftovers(t, parent+"/served"))
	<-was.sweep.done
	err = u.Commit(ctx)
	unavailable(t, err)
	u.Abort(ctx, err)
	require.NoError(t, d.Close())
	was.reg.close() // what the exchange does in the background; a second one does nothing
	assert.Empty(t, leftovers(t, parent))
}

func TestManyMeetAnExchange(t *testing.T) {
	needs.That(t, runtime.GOOS != "windows", "Windows does not rename an open folder")
	d, parent, _ := within(t, Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 50 {
				u, err := d.Store(ctx, session, fmt.Sprintf("/f%d", i), paradise.StoreOptions{})
				if err != nil {
					continue // between two renames there is none
				}
				if err := u.Commit(ctx); err != nil {
					u.Abort(ctx, err)
				}
				if i == 0 && n%10 == 0 {
					_ = os.Rename(parent+"/served", fmt.Sprintf("%s/away%d", parent, n))
					_ = os.Mkdir(parent+"/served", 0o755)
				}
			}
		})
	}
	wg.Wait()
	store(t, d, "/last", "x", paradise.StoreOptions{})
	assert.Equal(t, "x", get(t, parent, "served/last"))
}

func TestHomesAreWhatTheirNamesSay(t *testing.T) {
	needs.That(t, runtime.GOOS != "windows", "Windows does not rename an open folder")
	ann := visitor("ann")
	for way, exchange := range map[string]func(parent string) error{
		"the base anew": func(p string) error { return joined(os.Rename(p+"/served", p+"/away"), os.Mkdir(p+"/served", 0o755)) },
		"the home anew": func(p string) error {
			return joined(os.Rename(p+"/served/ann", p+"/away"), os.Mkdir(p+"/served/ann", 0o755))
		},
		"the home renamed": func(p string) error { return os.Rename(p+"/served/ann", p+"/served/away") },
		"the home removed": func(p string) error { return os.RemoveAll(p + "/served/ann") },
		"a link to another": func(p string) error {
			return joined(os.Rename(p+"/served/ann", p+"/served/away"), os.Mkdir(p+"/served/real", 0o755), os.Symlink("real", p+"/served/ann"))
		},
	} {
		t.Run(way, func(t *testing.T) {
			parent := t.TempDir()
			put(t, parent, "served/ann/old", "old")
			h, err := OpenHomes(parent+"/served", HomesOptions{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, h.Close()) })
			u, err := h.Store(ctx, ann, "/late", paradise.StoreOptions{})
			require.NoError(t, err)
			require.NoError(t, exchange(parent))

			_, err = h.Stat(ctx, ann, "/old")
			require.ErrorIs(t, err, fs.ErrNotExist)
			f := begin(t, homeOf{h, ann}, "/f", "x", paradise.StoreOptions{})
			require.NoError(t, f.Commit(ctx))
			assert.Equal(t, "x", get(t, parent, "served/ann/f"))
			err = u.Commit(ctx)
			unavailable(t, err)
			u.Abort(ctx, err)
			require.NoError(t, h.Ready())
		})
	}
}

// homeOf is a home of which any session is the owner's.
type homeOf struct {
	*Homes
	s *paradise.Session
}

func (h homeOf) Store(ctx context.Context, _ *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	return h.Homes.Store(ctx, h.s, name, o)
}

func TestHomesWhoseBaseIsGoneMakeNone(t *testing.T) {
	needs.That(t, runtime.GOOS != "windows", "Windows does not rename an open folder")
	parent := t.TempDir()
	require.NoError(t, os.Mkdir(parent+"/served", 0o755))
	h, err := OpenHomes(parent+"/served", HomesOptions{})
	require.NoError(t, err)
	defer h.Close()
	require.NoError(t, h.Mkdir(ctx, visitor("ann"), "/d"))
	require.NoError(t, os.Rename(parent+"/served", parent+"/away"))
	for _, name := range []string{"ann", "bob"} {
		unavailable(t, h.Mkdir(ctx, visitor(name), "/e"))
	}
	unavailable(t, h.Ready())
	assert.NoDirExists(t, parent+"/away/bob")
	require.NoError(t, os.Rename(parent+"/away", parent+"/served"))
	require.NoError(t, h.Mkdir(ctx, visitor("bob"), "/e"))
	require.NoError(t, h.Ready())
}

// strangePlace gives a folder another number each time.
type strangePlace struct{ n uint64 }

func (p *strangePlace) look() (info, error) {
	p.n++
	return info{ino: p.n}, nil
}

func TestAFileSystemWithoutIdentitiesIsServedAsItIs(t *testing.T) {
	dir := t.TempDir()
	f, err := openSeen(dir, &strangePlace{})
	require.NoError(t, err)
	defer f.top.close()
	require.ErrorIs(t, f.here(), errElsewhere)
	f.place = unseen(f.id)
	require.NoError(t, f.here())
}
