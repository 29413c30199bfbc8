package paradise_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/iofs"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/osfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

type drivers = map[string]paradise.FileDriver

var asker = &paradise.Session{ID: 1, User: paradise.User{Name: "tester"}}

// openFolder is a new folder of the disk and its driver.
func openFolder(tb testing.TB) (*osfs.Driver, string) {
	tb.Helper()
	dir := tb.TempDir()
	d, err := osfs.Open(dir, osfs.Options{})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, d.Close()) })
	return d, dir
}

// mkdirs makes folders through a driver, parents first.
func mkdirs(tb testing.TB, d paradise.FileDriver, names ...string) paradise.FileDriver {
	tb.Helper()
	for _, name := range names {
		require.NoError(tb, d.Mkdir(context.Background(), asker, name))
	}
	return d
}

func TestMountAndSubKeepTheRulesOfDrivers(t *testing.T) {
	disk := func(tb testing.TB) paradise.FileDriver {
		d, _ := openFolder(tb)
		return d
	}
	memory := func(testing.TB) paradise.FileDriver { return memfs.New() }
	for name, made := range map[string]func(tb testing.TB) paradise.FileDriver{
		"memory at the top": func(tb testing.TB) paradise.FileDriver { return paradise.Mount(drivers{"/": memory(tb)}) },
		"disk at the top":   func(tb testing.TB) paradise.FileDriver { return paradise.Mount(drivers{"/": disk(tb)}) },
		"disk below memory": func(tb testing.TB) paradise.FileDriver {
			return paradise.Sub(paradise.Mount(drivers{"/m": memory(tb), "/m/a/b": disk(tb), "/": memory(tb)}), "/m/a/b")
		},
		"a folder in memory": func(tb testing.TB) paradise.FileDriver {
			return paradise.Sub(mkdirs(tb, memory(tb), "/a", "/a/b"), "/a/b")
		},
		"a mounted folder": func(tb testing.TB) paradise.FileDriver {
			return paradise.Mount(drivers{"/": paradise.Sub(mkdirs(tb, disk(tb), "/a"), "/a")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			paradisetest.TestFileDriver(t, paradisetest.DriverOptions{New: made})
		})
	}
}

func TestAMistakeInMountOrSubIsAPanic(t *testing.T) {
	for _, name := range []string{"", "a", "a/b", "/a/", "//", "/a//b", "/./a", "/a/..", "..", "/../a", "/a\nb", "/a\x00"} {
		assert.Panics(t, func() { paradise.Mount(drivers{name: memfs.New()}) }, "Mount of %q", name)
		assert.Panics(t, func() { paradise.Sub(memfs.New(), name) }, "Sub of %q", name)
	}
	assert.PanicsWithValue(t, `paradise: Mount: the driver of "/a" is nil`, func() { paradise.Mount(drivers{"/a": nil}) })
	assert.Panics(t, func() { paradise.Sub(nil, "/a") })
	files := memfs.New()
	assert.Same(t, files, paradise.Sub(files, "/"))
}

// facts returns the MLSD line of each name in a folder.
func facts(c *paradisetest.Client, folder string) map[string]string {
	text, _ := c.Retrieve("MLSD " + folder)
	lines := make(map[string]string)
	for line := range strings.Lines(text) {
		f, name, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		lines[name] = f
	}
	return lines
}

func factOf(line, fact string) string {
	_, rest, _ := strings.Cut(";"+line, ";"+fact+"=")
	value, _, _ := strings.Cut(rest, ";")
	return value
}

func keys(m map[string]string) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}

func TestATopWithoutDriverShowsTheMountsAndTakesNothing(t *testing.T) {
	a, b := memfs.New(), memfs.New()
	a.Put("/f", []byte("of a"))
	b.Put("/f", []byte("of b"))
	files := paradise.Mount(drivers{"/a": a, "/deep/down/b": b})
	c := paradisetest.NewServer(t, &paradise.Server{Files: files}).Dial()
	c.Login()
	assert.ElementsMatch(t, []string{"a", "deep"}, keys(facts(c, "/")))
	assert.ElementsMatch(t, []string{"down"}, keys(facts(c, "/deep")))
	assert.ElementsMatch(t, []string{"f"}, keys(facts(c, "/deep/down/b")))
	text, _ := c.Retrieve("NLST /")
	assert.Equal(t, "/a\r\n/deep\r\n", text)
	text, _ = c.Retrieve("RETR /deep/down/b/f")
	assert.Equal(t, "of b", text)
	c.Expect(250, "CWD /deep/down")
	c.Expect(250, "CWD b")
	c.Expect(213, "SIZE f")
	c.Expect(250, "CWD ../../../a")
	for code, lines := range map[int][]string{550: {
		"MKD /new", "MKD /deep/new", "MKD /nothing/new", "DELE /f", "RMD /new", "SIZE /f", "CWD /new", "RNFR /f", "RMD /deep", "RMD /deep/down",
		"MKD /deep", "DELE /deep", "RMDA /deep", "MFMT 20200101000000 /deep", "SITE CHMOD 700 /deep",
	}, 502: {"AVBL /", "AVBL /deep"}} {
		for _, line := range lines {
			c.Expect(code, "%s", line)
		}
	}
	for _, name := range []string{"/new", "/deep/new", "/deep"} {
		r := c.Store("STOR "+name, "x")
		assert.Equal(t, 550, r.Code, name)
	}
	c.Expect(213, "AVBL /a")
	assert.Equal(t, "el", factOf(facts(c, "/")["deep"], "perm"))
	assert.Contains(t, c.Expect(250, "MLST /").String(), "perm=el;")
}

func TestAMountStaysWhatItIs(t *testing.T) {
	top, _ := openFolder(t)
	hidden := memfs.New()
	inbox, _ := openFolder(t)
	mkdirs(t, top, "/a", "/a/x", "/other")
	hidden.Put("/kept", []byte("kept"))
	files := paradise.Mount(drivers{"/": top, "/a/mem": hidden, "/inbox": inbox, "/a/mem/deep": paradise.ReadOnly(inbox)})
	srv := &paradise.Server{Files: files, Policy: paradise.Policy{GrantTree: true}}
	c := paradisetest.NewServer(t, srv).Dial()
	c.Login()
	for _, name := range []string{"/a/mem", "/inbox", "/a/mem/deep", "/a"} {
		for _, line := range []string{"RMD", "MKD", "DELE", "RMDA", "RMD -r", "MFMT 20200101000000", "SITE CHMOD 700"} {
			c.Expect(550, "%s %s", line, name)
		}
		c.Expect(350, "RNFR %s", name)
		c.Expect(550, "RNTO /moved")
		c.Expect(350, "RNFR /other")
		c.Expect(550, "RNTO %s", name)
		assert.Equal(t, 550, c.Store("STOR "+name, "x").Code)
		r, _ := c.Retrieve("RETR " + name)
		assert.Empty(t, r)
		perm := factOf(c.Expect(250, "MLST %s", name).Lines[1], "perm")
		assert.NotContains(t, perm, "d", name)
		assert.NotContains(t, perm, "f", name)
	}
	c.Expect(350, "RNFR /inbox")
	assert.Contains(t, c.Expect(550, "RNTO /moved").Text(), "mounted there")
	assert.Contains(t, c.Expect(550, "RMD /a").Text(), "mounted below")
	assert.Equal(t, 226, c.Store("STOR /a/mem/f", "x").Code)
	assert.ElementsMatch(t, []string{"x", "mem"}, keys(facts(c, "/a")))
	got, err := hidden.Get("/f")
	require.NoError(t, err)
	assert.Equal(t, "x", string(got))
	_, err = hidden.Get("/kept")
	assert.NoError(t, err, "RMDA of a folder above must not have begun")
	c.Expect(250, "RMD /a/x")
}

// What the storage around a mount has under its name cannot be reached.
func TestAMountHidesWhatIsBelow(t *testing.T) {
	top, below := memfs.New(), memfs.New()
	top.Put("/a/secret", []byte("hidden"))
	top.Put("/file", []byte("a file"))
	top.Put("/z", nil)
	below.Put("/f", []byte("shown"))
	files := paradise.Mount(drivers{"/": top, "/a": below, "/file/m": below, "/b": memfs.New()})
	c := paradisetest.NewServer(t, &paradise.Server{Files: files}).Dial()
	c.Login()
	text, _ := c.Retrieve("NLST")
	assert.Equal(t, "a\r\nb\r\nfile\r\nz\r\n", text, "each name once, in order")
	for _, name := range []string{"/a/secret", "/a/../a/secret", "/b/../a/secret", "/./a/secret", "a/./secret"} {
		c.Expect(550, "SIZE %s", name)
	}
	assert.Contains(t, c.Expect(250, "MLST /file").String(), "type=dir")
	c.Expect(213, "SIZE /file/m/f")
	for _, name := range []string{"", "a", "..", "a/secret"} {
		_, err := files.Stat(t.Context(), asker, name)
		assert.ErrorIs(t, err, paradise.ErrBadName, "%q", name)
	}
	_, err := files.Open(t.Context(), asker, "/b/../a/secret", 0)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestSubIsNoWayOut(t *testing.T) {
	files := memfs.New()
	files.Put("/secret", []byte("outside"))
	files.Put("/homes/ann/f", []byte("hers"))
	files.Put("/homes/anna/f", []byte("another's"))
	home := paradise.Sub(paradise.Sub(files, "/homes"), "/ann")
	srv := &paradise.Server{Files: home, Policy: paradise.Policy{GrantTree: true, Deny: paradise.PermSite}}
	c := paradisetest.NewServer(t, srv).Dial()
	c.Login()
	for _, line := range []string{"SIZE ../../secret", "SIZE /../secret", "SIZE ../anna/f", "SIZE /homes/ann/f", "CWD ../anna"} {
		c.Expect(550, "%s", line)
	}
	for _, name := range []string{"/../../secret", "/..", "/../anna/f"} {
		_, err := home.Open(t.Context(), asker, name, 0)
		assert.Error(t, err, name)
	}
	for _, name := range []string{"", "..", "../anna/f", "f"} {
		_, err := home.Open(t.Context(), asker, name, 0)
		assert.ErrorIs(t, err, paradise.ErrBadName, "%q", name)
	}
	assert.Error(t, home.RemoveDir(t.Context(), asker, "/"))
	assert.Error(t, home.Rename(t.Context(), asker, "/", "/x", paradise.RenameOptions{}))
	assert.ErrorIs(t, home.Rename(t.Context(), asker, "/f", "/", paradise.RenameOptions{}), fs.ErrExist)
	assert.Error(t, home.SetAttr(t.Context(), asker, "/", paradise.Attr{SetMode: true, Mode: 0o700}))
	assert.ErrorIs(t, home.Copy(t.Context(), asker, "/f", "/", paradise.CopyOptions{}), fs.ErrExist)
	assert.Equal(t, 226, c.Store("STOR new", "x").Code)
	_, err := files.Get("/homes/ann/new")
	assert.NoError(t, err)
	e, err := home.Stat(t.Context(), asker, "/")
	require.NoError(t, err)
	assert.Equal(t, "/", e.Name)
}

// What one storage can do is offered although another cannot, which refuses by itself;
// the facts of each entry say what can be done with it.
func TestMountsOfSeveralAbilities(t *testing.T) {
	archive := fstest.MapFS{"old": {Data: []byte("0123456789")}}
	disk, _ := openFolder(t)
	inbox := memfs.New()
	locked := memfs.New()
	for _, m := range []*memfs.FS{inbox, locked} {
		m.Put("/old", []byte("0123456789"))
	}
	files := paradise.Mount(drivers{"/archive": iofs.New(archive), "/inbox": inbox, "/disk": disk, "/locked": paradise.ReadOnly(locked)})
	c := paradisetest.NewServer(t, &paradise.Server{Files: files}).Dial()
	c.Login()
	feat := c.Expect(211, "FEAT").String()
	for _, line := range []string{"MFMT", "MFCT", "REST STREAM", "AVBL"} {
		assert.Contains(t, feat, line)
	}
	c.Expect(213, "MFCT 20200101000000 /inbox/old")
	c.Expect(502, "MFCT 20200101000000 /locked/old")
	c.Expect(550, "MFCT 20200101000000 /archive/old")
	c.Expect(502, "AVBL /archive")
	c.Expect(213, "AVBL /disk")
	for folder, perm := range map[string]string{"/inbox": "adfrw", "/locked": "r", "/archive": "r"} {
		assert.Equal(t, perm, factOf(facts(c, folder)["old"], "perm"), folder)
		assert.Equal(t, perm, factOf(c.Expect(250, "MLST %s/old", folder).Lines[1], "perm"), folder)
	}
	assert.Equal(t, "celmp", factOf(facts(c, "/")["inbox"], "perm"))
	assert.Equal(t, "el", factOf(facts(c, "/")["locked"], "perm"))
	assert.Equal(t, "el", factOf(facts(c, "/")["archive"], "perm"))
	for _, name := range []string{"/archive/new", "/locked/new", "/archive/old"} {
		assert.Contains(t, []int{502, 550}, c.Store("STOR "+name, "x").Code, name)
	}
	c.Expect(350, "REST 5")
	text, _ := c.Retrieve("RETR /archive/old")
	assert.Equal(t, "56789", text)

	only := paradise.Sub(files, "/archive").Features(asker)
	assert.Equal(t, paradise.FeatureRange, only, "below one mount there is what it can do")
}

func TestEntriesOfTwoMountsAreNeverTaken(t *testing.T) {
	a, b := memfs.New(), memfs.New()
	for _, m := range []*memfs.FS{a, b} {
		m.Put("/f", []byte("x"))
		m.Put("/sub/f", []byte("x"))
	}
	files := paradise.Mount(drivers{"/a": a, "/b": b, "/again": paradise.Sub(a, "/sub")})
	stat := func(name string) paradise.Entry {
		e, err := files.Stat(t.Context(), asker, name)
		require.NoError(t, err)
		return e
	}
	plain, err := a.Stat(t.Context(), asker, "/f")
	require.NoError(t, err)
	other, err := b.Stat(t.Context(), asker, "/f")
	require.NoError(t, err)
	require.Equal(t, plain.Unique, other.Unique, "two storages that number alike")
	assert.NotEqual(t, stat("/a/f").Unique, stat("/b/f").Unique)
	assert.NotEqual(t, stat("/a/f").Version, stat("/b/f").Version)
	assert.Equal(t, stat("/a/sub/f").Unique, stat("/again/f").Unique, "one file")
	err = files.Rename(t.Context(), asker, "/a/f", "/a/g", paradise.RenameOptions{Version: stat("/b/f").Version})
	assert.ErrorIs(t, err, paradise.ErrBusy)
	assert.NoError(t, files.Rename(t.Context(), asker, "/a/f", "/a/g", paradise.RenameOptions{Version: stat("/a/f").Version}))

	c := paradisetest.NewServer(t, &paradise.Server{Files: files}).Dial()
	c.Login()
	c.Expect(501, `COMB "/a/sub/f" "/again/f"`)
	c.Expect(250, `COMB "/a/g" "/b/f"`)
	got, err := a.Get("/g")
	require.NoError(t, err)
	assert.Equal(t, "xx", string(got))
}

// downDriver is a storage that is down.
type downDriver struct{ paradise.FileDriver }

var errDown = errors.New("storage is down")

func (downDriver) Stat(context.Context, *paradise.Session, string) (paradise.Entry, error) {
	return paradise.Entry{}, errDown
}

func (downDriver) List(context.Context, *paradise.Session, string) (paradise.Listing, error) {
	return nil, errDown
}

func TestAMountThatIsDownHidesNoOther(t *testing.T) {
	files := paradise.Mount(drivers{
		"/a": memfs.New(), "/down": downDriver{memfs.New()}, "/z": memfs.New(), "/blind": paradise.UnimplementedFileDriver{},
	})
	c := paradisetest.NewServer(t, &paradise.Server{Files: files}).Dial()
	c.Login()
	text, _ := c.Retrieve("NLST")
	assert.Equal(t, "a\r\nblind\r\ndown\r\nz\r\n", text)
	c.Expect(451, "CWD /down")
	c.Expect(250, "CWD /a")
	c.Expect(250, "CWD /blind/any/where")
}

func TestErrorsNameWhatTheCallerAskedFor(t *testing.T) {
	files := memfs.New()
	files.Put("/data/f", nil)
	for name, d := range map[string]paradise.FileDriver{
		"/f/x":    paradise.Sub(files, "/data"),
		"/m/f/x":  paradise.Mount(drivers{"/m": paradise.Sub(files, "/data")}),
		"/n/m/no": paradise.Mount(drivers{"/n/m": paradise.Mount(drivers{"/": files})}),
	} {
		_, err := d.Stat(t.Context(), asker, name)
		var at *fs.PathError
		require.ErrorAs(t, err, &at)
		assert.Equal(t, name, at.Path)
		require.ErrorAs(t, d.Rename(t.Context(), asker, name, name+"2", paradise.RenameOptions{}), &at)
		assert.Equal(t, name, at.Path)
	}
}

// An upload into a mount, or into a folder, shows the core its file, so that it is spliced.
func TestMountAndSubShowTheFilesOfTheirStorage(t *testing.T) {
	disk, dir := openFolder(t)
	require.NoError(t, os.Mkdir(dir+"/sub", 0o755))
	files := paradise.Mount(drivers{"/mem": memfs.New(), "/disk": paradise.Sub(disk, "/sub")})
	file := func(name string) *os.File {
		up, err := files.Store(t.Context(), asker, name, paradise.StoreOptions{})
		require.NoError(t, err)
		t.Cleanup(func() { up.Abort(context.Background(), io.ErrUnexpectedEOF) })
		require.NoError(t, up.Begin(t.Context(), paradise.UploadInfo{}))
		return up.(interface{ File() *os.File }).File()
	}
	assert.NotNil(t, file("/disk/f"))
	assert.Nil(t, file("/mem/f"), "the core then writes")
	require.NoError(t, os.WriteFile(dir+"/sub/d", []byte("x"), 0o644))
	r, err := files.Open(t.Context(), asker, "/disk/d", 0)
	require.NoError(t, err)
	defer r.Close()
	assert.IsType(t, &os.File{}, r, "for sendfile")
}

func ExampleMount() {
	inbox, archive := memfs.New(), memfs.New()
	files := paradise.Mount(map[string]paradise.FileDriver{
		"/":        inbox,
		"/archive": paradise.ReadOnly(archive),
	})
	archive.Put("/2025.txt", []byte("old"))
	e, _ := files.Stat(context.Background(), &paradise.Session{}, "/archive/2025.txt")
	fmt.Println(e.Name, e.Size)
	// Output: 2025.txt 3
}
