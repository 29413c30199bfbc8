package paradise_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/history"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

// rnto is a rename by a client.
func rnto(c *paradisetest.Client, code int, from, to string) string {
	c.Expect(350, "RNFR %s", from)
	return c.Expect(code, "RNTO %s", to).Text()
}

func TestAFileMovesToAnotherMount(t *testing.T) {
	disk, dir := openFolder(t)
	mem := memfs.New()
	files := paradise.Mount(drivers{"/mem": mem, "/disk": disk})
	c := paradisetest.NewServer(t, &paradise.Server{Files: files}).Dial()
	c.Login()
	large := strings.Repeat("many bytes ", 100_000)
	for name, content := range map[string]string{"empty": "", "small": "x", "head": strings.Repeat("h", 512), "large": large} {
		require.Equal(t, 226, c.Store("STOR /mem/"+name, content).Code)
		c.Expect(213, "MFMT 20200304050607 /mem/%s", name)
		c.Expect(200, "SITE CHMOD 640 /mem/%s", name)
		rnto(c, 250, "/mem/"+name, "/disk/"+name)
		c.Expect(550, "SIZE /mem/%s", name)
		got, err := os.ReadFile(dir + "/" + name)
		require.NoError(t, err)
		assert.Equal(t, content, string(got))
		fi, err := os.Stat(dir + "/" + name)
		require.NoError(t, err)
		assert.True(t, time.Date(2020, 3, 4, 5, 6, 7, 0, time.UTC).Equal(fi.ModTime()), fi.ModTime())
		assert.Equal(t, fs.FileMode(0o640), fi.Mode())

		require.Equal(t, 226, c.Store("STOR /mem/"+name, "old").Code)
		rnto(c, 250, "/disk/"+name, "/mem/"+name)
		back, err := mem.Get("/" + name)
		require.NoError(t, err)
		assert.Equal(t, content, string(back), "back, onto a file that is there")
		assert.Contains(t, c.Expect(250, "MLST /mem/%s", name).Lines[1], "modify=20200304050607;")
	}
	assert.Empty(t, facts(c, "/disk"))
	assert.Len(t, facts(c, "/mem"), 4, "and nothing that was put aside")
}

func TestWhatDoesNotMoveToAnotherMount(t *testing.T) {
	disk, dir := openFolder(t)
	mem := memfs.New()
	mem.Put("/f", []byte("mine"))
	mem.Put("/d/f", nil)
	locked := memfs.New()
	locked.Put("/f", []byte("locked"))
	require.NoError(t, os.WriteFile(dir+"/taken", []byte("theirs"), 0o644))
	require.NoError(t, os.Mkdir(dir+"/folder", 0o755))
	files := paradise.Mount(drivers{"/mem": mem, "/disk": disk, "/locked": paradise.ReadOnly(locked)})
	srv := &paradise.Server{Files: files, Policy: paradise.Policy{Deny: paradise.PermOverwrite}}
	c := paradisetest.NewServer(t, srv).Dial()
	c.Login()
	assert.Contains(t, rnto(c, 550, "/mem/d", "/disk/d"), "A folder can't be moved to another storage")
	rnto(c, 550, "/mem/f", "/disk/taken")
	rnto(c, 550, "/mem/f", "/disk/folder")
	rnto(c, 550, "/mem/f", "/disk/missing/f")
	rnto(c, 550, "/locked/f", "/disk/f")
	rnto(c, 502, "/mem/f", "/locked/g")
	c.Expect(550, "RNFR /mem/missing")
	rename := func(from, to string, o paradise.RenameOptions) error {
		return files.Rename(t.Context(), asker, from, to, o)
	}
	assert.ErrorIs(t, rename("/mem/f", "/disk/f", paradise.RenameOptions{Folder: true}), paradise.ErrNotDir)
	assert.ErrorIs(t, rename("/mem/f", "/disk/f", paradise.RenameOptions{Version: "another"}), paradise.ErrBusy)
	assert.ErrorIs(t, rename("/mem/missing", "/disk/f", paradise.RenameOptions{}), fs.ErrNotExist)
	got, err := mem.Get("/f")
	require.NoError(t, err)
	assert.Equal(t, "mine", string(got))
	assert.Len(t, facts(c, "/disk"), 2)
}

func TestACopyToAnotherMountIsHeldToTheRules(t *testing.T) {
	a, b := memfs.New(), memfs.New()
	a.Put("/f", []byte("0123456789"))
	a.Put("/large", []byte(strings.Repeat("x", 100)))
	b.Put("/taken", []byte("theirs"))
	files := paradise.Mount(drivers{"/a": a, "/b": b})
	srv := &paradise.Server{Files: files, Policy: paradise.Policy{Deny: paradise.PermOverwrite, MaxFileSize: 50}}
	c := paradisetest.NewServer(t, srv).Dial()
	c.Login()
	c.Expect(250, `SITE COPY "/a/f" "/b/f"`)
	c.Expect(250, `SITE COPY "/a/f" "/a/g"`)
	c.Expect(550, `SITE COPY "/a/f" "/b/taken"`)
	c.Expect(552, `SITE COPY "/a/large" "/b/large"`)
	c.Expect(550, `SITE COPY "/a" "/b/a"`)
	c.Expect(550, `SITE COPY "/a/f" "/b"`)
	got, err := b.Get("/f")
	require.NoError(t, err)
	assert.Equal(t, "0123456789", string(got))
}

// Two folders of one driver are one storage: what it can do in one step it does.
func TestTwoMountsOfOneDriverAreOneStorage(t *testing.T) {
	files := memfs.New()
	files.Put("/in/d/f", []byte("deep"))
	files.Put("/out/", nil)
	before, err := files.Stat(t.Context(), asker, "/in/d")
	require.NoError(t, err)
	m := paradise.Mount(drivers{"/in": paradise.Sub(files, "/in"), "/done": paradise.Sub(paradise.Sub(files, "/"), "/out")})
	c := paradisetest.NewServer(t, &paradise.Server{Files: m}).Dial()
	c.Login()
	rnto(c, 250, "/in/d", "/done/d")
	after, err := files.Stat(t.Context(), asker, "/out/d")
	require.NoError(t, err)
	assert.Equal(t, before.Unique, after.Unique, "the folder itself was renamed")
	assert.NoError(t, m.Copy(t.Context(), asker, "/done/d/f", "/in/f", paradise.CopyOptions{}))
}

// hooked calls before each call by the name of its method.
type hooked struct {
	paradise.FileDriver
	before func(method, name string) error
}

func (h *hooked) Remove(ctx context.Context, s *paradise.Session, name string) error {
	if err := h.before("Remove", name); err != nil {
		return err
	}
	return h.FileDriver.Remove(ctx, s, name)
}

func (h *hooked) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	if err := h.before("Rename", from); err != nil {
		return err
	}
	return h.FileDriver.Rename(ctx, s, from, to, o)
}

func (h *hooked) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	up, err := h.FileDriver.Store(ctx, s, name, o)
	if err != nil {
		return nil, err
	}
	return &hookedUpload{up, h, name}, nil
}

type hookedUpload struct {
	paradise.Upload
	h    *hooked
	name string
}

func (u *hookedUpload) Begin(ctx context.Context, i paradise.UploadInfo) error {
	return cmp.Or(u.h.before("Begin", u.name), u.Upload.Begin(ctx, i))
}

func (u *hookedUpload) Commit(ctx context.Context) error {
	if err := u.h.before("Commit", u.name); err != nil {
		return err
	}
	return u.Upload.Commit(ctx)
}

func (u *hookedUpload) Abort(ctx context.Context, cause error) {
	_ = u.h.before("Abort", u.name)
	u.Upload.Abort(ctx, cause)
}

// Whatever happens while a file moves, no content is lost, nothing is removed but what
// was copied, and the client is told what became of it.
func TestWhatMayHappenWhileAFileMovesToAnotherMount(t *testing.T) {
	const moved, theirs = "what moves", "theirs, and acknowledged"
	for name, rule := range map[string]struct {
		at   string // method of the storage, where it happens
		fail error
		do   func(src, dst *memfs.FS)
		o    paradise.RenameOptions

		want     error
		code     int
		from, to string // what both names have then; empty: nothing
	}{
		"nothing": {at: "none", to: moved},
		"the old name gets another file": {at: "Begin", do: func(src, _ *memfs.FS) { src.Put("/f", []byte(theirs)) },
			want: paradise.ErrBusy, from: theirs},
		"the old name is removed": {at: "Begin", do: func(src, _ *memfs.FS) { _ = src.Remove(context.Background(), asker, "/f") },
			want: fs.ErrNotExist},
		"the new name is taken": {at: "Begin", do: func(_, dst *memfs.FS) { dst.Put("/g", []byte(theirs)) },
			o: paradise.RenameOptions{NoReplace: true}, want: fs.ErrExist, from: moved, to: theirs},
		"the new name is taken and may be": {at: "Begin", do: func(_, dst *memfs.FS) { dst.Put("/g", []byte(theirs)) }, to: moved},
		"the new name becomes a folder": {at: "Commit", do: func(_, dst *memfs.FS) { dst.Put("/g/f", nil) },
			want: paradise.ErrIsDir, from: moved},
		"the old name gets another file at the last moment": {at: "Rename", do: func(src, _ *memfs.FS) { src.Put("/f", []byte(theirs)) },
			want: paradise.ErrBusy, code: 450, from: theirs, to: moved},
		"the storage takes no bytes":  {at: "Begin", fail: paradise.ErrNoSpace, want: paradise.ErrNoSpace, from: moved},
		"the storage does not commit": {at: "Commit", fail: paradise.ErrQuota, want: paradise.ErrQuota, from: moved},
		"its answer is lost":          {at: "Commit", fail: paradise.ErrUnknownOutcome, want: paradise.ErrUnknownOutcome, from: moved},
		"the old one stays":           {at: "Rename", fail: fs.ErrPermission, want: fs.ErrPermission, code: 550, from: moved, to: moved},
		"the old one can't go":        {at: "Remove", fail: fs.ErrPermission, want: fs.ErrPermission, code: 550, from: moved, to: moved},
		"it has no rename":            {at: "Rename", fail: errors.ErrUnsupported, to: moved},
		"it takes no such name":       {at: "Rename", fail: paradise.ErrBadName, to: moved},
		"the answer to it is lost":    {at: "Remove", fail: paradise.ErrUnknownOutcome, want: paradise.ErrUnknownOutcome, from: moved, to: moved},
	} {
		t.Run(name, func(t *testing.T) {
			src, dst := memfs.New(), memfs.New()
			src.Put("/f", []byte(moved))
			once := sync.OnceFunc(func() { rule.do(src, dst) })
			aborts := 0
			before := func(method, _ string) error {
				if method == "Abort" {
					aborts++
				}
				if method == rule.at && rule.do != nil {
					once()
				}
				if method == rule.at {
					return rule.fail
				}
				return nil
			}
			m := paradise.Mount(drivers{"/src": &hooked{src, before}, "/dst": &hooked{dst, before}})
			err := m.Rename(t.Context(), asker, "/src/f", "/dst/g", rule.o)
			if rule.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, rule.want)
			}
			if rule.code != 0 {
				reply, ok := errors.AsType[*paradise.ReplyError](err)
				require.True(t, ok, err)
				assert.Equal(t, rule.code, reply.Code)
			}
			for d, want := range map[*memfs.FS]string{src: rule.from, dst: rule.to} {
				got, err := d.Get(map[*memfs.FS]string{src: "/f", dst: "/g"}[d])
				if want == "" {
					assert.Error(t, err)
				} else {
					assert.Equal(t, want, string(got))
				}
				l, err := d.List(t.Context(), asker, "/")
				require.NoError(t, err)
				for e := range l {
					assert.NotContains(t, e.Name, "moved")
				}
			}
			if rule.to == moved {
				assert.Zero(t, aborts)
			} else {
				assert.Equal(t, 1, aborts, "exactly once unless Commit returned nil")
			}
		})
	}
}

// Drivers that lead to one file under two names are not known to be one storage.
func TestAFileThatIsMovedOntoItselfStays(t *testing.T) {
	for name, wrap := range map[string]func(paradise.FileDriver) paradise.FileDriver{
		"versions": func(d paradise.FileDriver) paradise.FileDriver {
			return &hooked{d, func(_, _ string) error { return nil }}
		},
		"none of them": func(d paradise.FileDriver) paradise.FileDriver { return blind{d} },
	} {
		t.Run(name, func(t *testing.T) {
			files := memfs.New()
			files.Put("/f", []byte("content"))
			m := paradise.Mount(drivers{"/a": wrap(files), "/b": files})
			_ = m.Rename(t.Context(), asker, "/a/f", "/b/f", paradise.RenameOptions{})
			got, err := files.Get("/f")
			require.NoError(t, err)
			assert.Equal(t, "content", string(got))
		})
	}
}

// blind tells neither versions nor times.
type blind struct{ paradise.FileDriver }

func (b blind) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	e, err := b.FileDriver.Stat(ctx, s, name)
	e.Version, e.ModTime = "", time.Time{}
	return e, err
}

func (b blind) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	o.Version = ""
	return b.FileDriver.Rename(ctx, s, from, to, o)
}

// A move takes several steps, and yet what clients are told has one order.
func TestMovesBetweenMountsHaveOneOrder(t *testing.T) {
	const clients, each, histories = 8, 8, 20
	first := uint64(time.Now().UnixNano())
	for kind, made := range map[string]func() paradise.FileDriver{
		"memory": func() paradise.FileDriver { return memfs.New() },
		"disk":   func() paradise.FileDriver { d, _ := openFolder(t); return d },
	} {
		t.Run(kind, func(t *testing.T) {
			m := paradise.Mount(drivers{"/0": made(), "/1": made()})
			kinds := history.Without(history.All(), history.Join, history.Copy, history.CopyNew)
			for n := range uint64(histories) {
				users := make([]history.Client, clients)
				for i := range users {
					users[i] = history.ClientFunc(func(o history.Op) history.Result { return crossed(m, o) })
				}
				h := history.Run(users, history.Plan(first+n, clients, each, kinds))
				for file := range history.Files {
					op := history.Op{Kind: history.Read, A: file}
					h.Add(op, crossed(m, op))
					_ = m.Remove(context.Background(), asker, crossedName(file))
				}
				require.Empty(t, h.Odd(), "seed %d", first+n)
				require.NotEqual(t, history.Broken, h.Check(10*time.Second), "seed %d:\n%s", first+n, h.Explain())
			}
		})
	}
}

// crossedName has every other file in the other storage.
func crossedName(file int) string {
	return "/" + string(rune('0'+file%2)) + "/" + string(rune('a'+file))
}

func crossed(d paradise.FileDriver, o history.Op) (r history.Result) {
	ctx, a, b := context.Background(), crossedName(o.A), crossedName(o.B)
	switch o.Kind {
	case history.Store:
		r.Err = stored(d, a, o.Data, paradise.StoreOptions{})
	case history.StoreNew:
		r.Err = stored(d, a, o.Data, paradise.StoreOptions{Exclusive: true})
	case history.Append:
		r.Err = stored(d, a, o.Data, paradise.StoreOptions{Append: true})
	case history.Resume:
		r.Err = stored(d, a, o.Data, paradise.StoreOptions{Offset: int64(o.Offset)})
	case history.Remove:
		r.Err = d.Remove(ctx, asker, a)
	case history.Rename, history.RenameNew:
		r.Err = d.Rename(ctx, asker, a, b, paradise.RenameOptions{NoReplace: o.Kind == history.RenameNew})
	case history.Read:
		var f io.ReadCloser
		if f, r.Err = d.Open(ctx, asker, a, 0); r.Err == nil {
			var content []byte
			content, r.Err = io.ReadAll(f)
			r.Content = string(content)
			f.Close()
		}
	case history.Size:
		var e paradise.Entry
		e, r.Err = d.Stat(ctx, asker, a)
		r.Size = e.Size
	}
	switch {
	case r.Err == nil:
		r.Outcome = history.Done
	case errors.Is(r.Err, paradise.ErrBusy):
		r.Outcome = history.Refused
	case errors.Is(r.Err, paradise.ErrBadOffset):
		r.Outcome = history.Beyond
	case errors.Is(r.Err, fs.ErrExist):
		r.Outcome = history.Taken
	case errors.Is(r.Err, fs.ErrNotExist):
		r.Outcome = history.Missing
	default:
		r.Outcome = history.Odd
	}
	return r
}

// stored is one whole upload.
func stored(d paradise.FileDriver, name, data string, o paradise.StoreOptions) error {
	ctx := context.Background()
	up, err := d.Store(ctx, asker, name, o)
	if err != nil {
		return err
	}
	if err = up.Begin(ctx, paradise.UploadInfo{}); err == nil {
		_, err = up.Write([]byte(data))
	}
	if err == nil {
		err = up.Commit(ctx)
	}
	if err != nil {
		up.Abort(ctx, err)
	}
	return err
}

// Nobody waits for a move of other names, and a wait ends with its ctx.
func TestOnlyTheTwoNamesOfAMoveWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, dst := memfs.New(), memfs.New()
		src.Put("/f", []byte("x"))
		src.Put("/other", []byte("x"))
		stuck := make(chan struct{})
		slow := &hooked{dst, func(method, _ string) error {
			if method == "Commit" {
				<-stuck
			}
			return nil
		}}
		m := paradise.Mount(drivers{"/src": src, "/dst": slow, "/dst/same": src})
		done := make(chan error)
		go func() { done <- m.Rename(t.Context(), asker, "/src/f", "/dst/g", paradise.RenameOptions{}) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for name, waits := range map[string]bool{
			"/src/f": true, "/dst/g": true, "/dst/same/f": true, "/dst/same/other": false, "/src/other": false, "/dst": false,
		} {
			began := time.Now()
			short, end := context.WithTimeout(ctx, time.Second)
			_, err := m.Stat(short, asker, name)
			end()
			if waits {
				assert.ErrorIs(t, err, context.DeadlineExceeded, name)
			} else {
				assert.NoError(t, err, name)
				assert.Zero(t, time.Since(began), name)
			}
		}
		l, err := m.List(ctx, asker, "/src")
		require.NoError(t, err)
		for range l {
		}
		close(stuck)
		assert.NoError(t, <-done)
	})
}

// A move of many bytes runs beside the session, and ABOR ends it.
func TestAMoveToAnotherMountCanBeAborted(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		src := memfs.New()
		src.Put("/f", make([]byte, 1<<20))
		srv.Files = paradise.Mount(drivers{"/src": src, "/dst": &stepping{memfs.New()}})
	}, func(w *world) {
		c := w.login()
		c.cmd(350, "RNFR /src/f")
		c.send("RNTO /dst/f")
		synctest.Wait()
		c.cmd(200, "NOOP")
		c.send("ABOR")
		c.expect(426)
		c.expect(226)
		c.cmd(213, "SIZE /src/f")
		c.cmd(550, "SIZE /dst/f")
		c.quit()
	})
}

// Once the new name is about to appear ABOR comes too late: the move ends as a whole.
func TestAMoveThatIsPublishedIsNotAbortedHalfWay(t *testing.T) {
	src := memfs.New()
	src.Put("/f", []byte("content"))
	ctx, abort := context.WithCancelCause(t.Context())
	dst := &hooked{memfs.New(), func(method, _ string) error {
		if method == "Commit" {
			abort(paradise.ErrAborted)
		}
		return nil
	}}
	m := paradise.Mount(drivers{"/src": heedful{src}, "/dst": dst})
	require.NoError(t, m.Rename(ctx, asker, "/src/f", "/dst/g", paradise.RenameOptions{}))
	_, err := src.Get("/f")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	got, err := dst.FileDriver.(*memfs.FS).Get("/g")
	require.NoError(t, err)
	assert.Equal(t, "content", string(got))
}

// heedful does nothing for a ctx that has ended.
type heedful struct{ paradise.FileDriver }

func (h heedful) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return h.FileDriver.Rename(ctx, s, from, to, o)
}

func (h heedful) Remove(ctx context.Context, s *paradise.Session, name string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return h.FileDriver.Remove(ctx, s, name)
}

// stepping is a storage whose uploads wait for the end of their ctx.
type stepping struct{ paradise.FileDriver }

func (d *stepping) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	up, err := d.FileDriver.Store(ctx, s, name, o)
	return waitingUpload{up, ctx}, err
}

type waitingUpload struct {
	paradise.Upload
	ctx context.Context
}

func (u waitingUpload) Write([]byte) (int, error) {
	<-u.ctx.Done()
	return 0, context.Cause(u.ctx)
}
