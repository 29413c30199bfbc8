//go:build unix

package osfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// Other programs do not know of our order. They see whole files all the same, and what
// they put in place by a rename is joined or replaced whole.
func TestOtherProgramsSeeAndLeaveWholeFiles(t *testing.T) {
	const times, block = 100, 5_000
	blocks := func(s string) string {
		for _, letter := range "fsc" { // foreign, stored, copied
			s = strings.ReplaceAll(s, strings.Repeat(string(letter), block), "")
		}
		return strings.ReplaceAll(s, strings.Repeat("a", block), "")
	}
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		put(t, dir, "f", strings.Repeat("f", block))
		put(t, dir, "c", strings.Repeat("c", block))
		steps := []func() error{
			func() error { // another program
				other := filepath.Join(dir, "other.tmp")
				if err := os.WriteFile(other, []byte(strings.Repeat("f", block)), 0o666); err != nil {
					return err
				}
				return os.Rename(other, filepath.Join(dir, "f"))
			},
			func() error { // one that reads
				b, err := os.ReadFile(filepath.Join(dir, "f"))
				if err == nil && (len(b) == 0 || blocks(string(b)) != "") {
					t.Errorf("half a file was seen, of %d bytes", len(b))
				}
				return err
			},
			func() error { return uploadOf(d, "s", block, paradise.StoreOptions{}) },
			func() error { return uploadOf(d, "a", block, paradise.StoreOptions{Append: true}) },
			func() error { return d.Copy(ctx, session, "/c", "/f", paradise.CopyOptions{}) },
		}
		var wg sync.WaitGroup
		for _, step := range steps {
			wg.Go(func() {
				for range times {
					if err := step(); err != nil && !errors.Is(err, paradise.ErrBusy) {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		assert.Empty(t, blocks(get(t, dir, "f")))
	})
}

func uploadOf(d *Driver, letter string, n int, o paradise.StoreOptions) error {
	up, err := d.Store(ctx, session, "/f", o)
	if err != nil {
		return err
	}
	if err = up.Begin(ctx, paradise.UploadInfo{}); err == nil {
		_, err = up.Write([]byte(strings.Repeat(letter, n)))
	}
	if err == nil {
		err = up.Commit(ctx)
	}
	if err != nil {
		up.Abort(ctx, err)
	}
	return err
}

// A file that was looked at is the one that moves, by whatever way it moves.
func TestTheVersionThatWasLookedAtMoves(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		for rule, prepare := range map[string]func(){
			"a file":              func() {},
			"a file of two names": func() { require.NoError(t, os.Link(filepath.Join(dir, "f"), filepath.Join(dir, "second"))) },
			"a link": func() {
				require.NoError(t, os.Rename(filepath.Join(dir, "f"), filepath.Join(dir, "real")))
				require.NoError(t, os.Symlink("real", filepath.Join(dir, "f")))
			},
		} {
			for _, noReplace := range []bool{false, true} {
				put(t, dir, "f", "one")
				prepare()
				o := paradise.RenameOptions{NoReplace: noReplace}
				e, err := d.Stat(ctx, session, "/f")
				require.NoError(t, err)
				o.Version = e.Version
				put(t, dir, "f", "another")
				require.ErrorIs(t, d.Rename(ctx, session, "/f", "/g", o), paradise.ErrBusy, rule)
				e, err = d.Stat(ctx, session, "/f")
				require.NoError(t, err)
				o.Version = e.Version
				require.NoError(t, d.Rename(ctx, session, "/f", "/g", o), rule)
				assert.Equal(t, "another", get(t, dir, "g"), rule)
				for _, name := range []string{"g", "second", "real", "f"} {
					_ = os.Remove(filepath.Join(dir, name))
				}
			}
		}
	})
}

// A file system gives the number of a file that is gone to the next one, so who looked at
// a file earlier may find its number at another name.
func TestANumberThatIsUsedAgainIsNotTheSameFile(t *testing.T) {
	for rule, c := range map[string]struct {
		noReplace bool
		links     uint64
		want      error
	}{
		"a rename that must not replace": {noReplace: true, links: 1, want: fs.ErrExist},
		"a rename that replaces":         {links: 1},
		"that of a file of two names":    {links: 2},
	} {
		t.Run(rule, func(t *testing.T) {
			d, dir := open(t, Options{})
			put(t, dir, "f", "source")
			put(t, dir, "g", "target")
			f := d.at.Load()
			at, from, err := f.parent("/f")
			require.NoError(t, err)
			defer at.close()
			seen, err := at.lstat("g") // f had this number once
			require.NoError(t, err)
			seen.links = c.links
			m := &move{f, spot{at, ".", from}, spot{at, ".", "g"}, seen, paradise.RenameOptions{NoReplace: c.noReplace}}
			err = m.rename(ctx)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				assert.Equal(t, "target", get(t, dir, "g"))
				assert.Equal(t, "source", get(t, dir, "f"))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "source", get(t, dir, "g"))
			assert.NoFileExists(t, filepath.Join(dir, "f"))
		})
	}
}

// whileHeld has act wait for the served folder, which something else changes meanwhile.
func whileHeld(t *testing.T, d *Driver, alone bool, act func() error, meanwhile func()) (err error) {
	synctest.Test(t, func(t *testing.T) {
		l, e := d.at.Load().top.lock(alone, false)
		require.NoError(t, e)
		done := make(chan error, 1)
		go func() { done <- act() }()
		synctest.Wait()
		meanwhile()
		l.unlock()
		err = <-done
	})
	return err
}

// A file may have become a folder, or a folder a file, when its rename has its turn.
func TestAFolderReplacesNothingWhateverItWasBefore(t *testing.T) {
	for rule, c := range map[string]struct {
		o      paradise.RenameOptions
		before string // a file, unless it ends in "/"
		want   error
	}{
		"replacing":                     {before: "from", want: fs.ErrExist},
		"of a file of two names":        {before: "second", want: fs.ErrExist},
		"of a link":                     {before: "link", want: fs.ErrExist},
		"not replacing":                 {before: "from", o: paradise.RenameOptions{NoReplace: true}, want: fs.ErrExist},
		"of a folder":                   {before: "from/", want: fs.ErrExist},
		"of what must be a folder":      {before: "from/", o: paradise.RenameOptions{Folder: true}, want: paradise.ErrNotDir},
		"of what was a file, likewise":  {before: "from", o: paradise.RenameOptions{Folder: true}, want: fs.ErrExist},
		"of a file of a known version":  {before: "from", o: paradise.RenameOptions{Version: "x"}, want: paradise.ErrBusy},
		"of what must be, not replaces": {before: "from/", o: paradise.RenameOptions{Folder: true, NoReplace: true}, want: paradise.ErrNotDir},
	} {
		t.Run(rule, func(t *testing.T) {
			d, dir := open(t, Options{})
			from := dir + "/" + strings.TrimSuffix(c.before, "/")
			switch c.before {
			case "from/":
				require.NoError(t, os.Mkdir(from, 0o755))
			case "link":
				require.NoError(t, os.Symlink("nowhere", from))
			default:
				put(t, dir, "from", "x")
				require.NoError(t, os.MkdirAll(dir+"/other", 0o755))
				if c.before == "second" {
					require.NoError(t, os.Link(dir+"/from", from))
				}
			}
			made := os.Mkdir
			if c.want == paradise.ErrNotDir {
				made = func(name string, mode fs.FileMode) error { return os.WriteFile(name, []byte("new"), mode) }
			}
			err := whileHeld(t, d, true, func() error { return d.Rename(ctx, session, "/"+filepath.Base(from), "/to", c.o) }, func() {
				require.NoError(t, os.Remove(from))
				require.NoError(t, made(from, 0o755))
				if c.want != paradise.ErrNotDir {
					require.NoError(t, os.Mkdir(dir+"/to", 0o700))
				}
			})
			require.ErrorIs(t, err, c.want)
			_, err = os.Stat(from)
			require.NoError(t, err)
			fi, err := os.Stat(dir + "/to")
			if c.want == paradise.ErrNotDir {
				require.ErrorIs(t, err, fs.ErrNotExist)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, fs.FileMode(0o700), fi.Mode().Perm(), "another folder")
		})
	}
}

// Beside a rename nobody makes a folder of the file that it has looked at.
func TestAFolderIsMadeAlone(t *testing.T) {
	d, dir := open(t, Options{})
	err := whileHeld(t, d, false, func() error { return d.Mkdir(ctx, session, "/d") }, func() {
		assert.NoDirExists(t, dir+"/d")
		require.ErrorIs(t, d.Mkdir(ctx, session, "/"), fs.ErrExist)
		put(t, dir, "f", "x")
		require.ErrorIs(t, d.Mkdir(ctx, session, "/f"), fs.ErrExist, "which needs no turn")
	})
	require.NoError(t, err)
	assert.DirExists(t, dir+"/d")
}

// Where locks cannot be shared, as on macOS, a rename within a folder would wait for
// itself if it held that folder twice.
func TestAFolderThatIsBothEndsIsHeldOnce(t *testing.T) {
	d, path := open(t, Options{})
	put(t, path, "sub/f", "x")
	f := d.at.Load()
	for name, hold := range map[string]func(context.Context, ...*dir) (held, error){"share": f.share, "alone": f.alone} {
		for _, parent := range []string{"/f", "/sub/f"} {
			a, _, err := f.parent(parent)
			require.NoError(t, err)
			b, _, err := f.parent(parent)
			require.NoError(t, err)
			h, err := hold(ctx, a, b)
			require.NoError(t, err)
			assert.Equal(t, 1, h.n, "%s, below %s", name, parent)
			h.release()
			a.close()
			b.close()
		}
	}
}

// The name that a folder had when it was opened may be another folder's by now.
func TestTheVersionIsThatOfTheFileThatMoves(t *testing.T) {
	d, path := open(t, Options{})
	put(t, path, "good/f", "harmless")
	put(t, path, "bad/f", "program")
	e, err := d.Stat(ctx, session, "/good/f")
	require.NoError(t, err)
	f := d.at.Load()
	bad, _, err := f.parent("/bad/f")
	require.NoError(t, err)
	defer bad.close()
	old, err := bad.lstat("f")
	require.NoError(t, err)
	require.NoError(t, os.Rename(filepath.Join(path, "bad"), filepath.Join(path, "other")))
	require.NoError(t, os.Rename(filepath.Join(path, "good"), filepath.Join(path, "bad")))
	m := &move{f, spot{bad, "bad", "f"}, spot{f.top, ".", "f.txt"}, old, paradise.RenameOptions{Version: e.Version}}
	require.ErrorIs(t, m.rename(ctx), paradise.ErrBusy)
	assert.NoFileExists(t, filepath.Join(path, "f.txt"))
}

func TestAFileThatIsWrittenAllTheTimeIsNotCopiedForEver(t *testing.T) {
	d, path := open(t, Options{})
	put(t, path, "log", "")
	tries := 0
	err := d.Copy(ctx, session, "/log", "/copy", paradise.CopyOptions{Accept: func([]byte, int64) error {
		if tries++; tries > 100 {
			return errors.New("for ever")
		}
		put(t, path, "log", strings.Repeat("x", tries))
		return nil
	}})
	require.ErrorIs(t, err, paradise.ErrBusy)
	assert.NoFileExists(t, filepath.Join(path, "copy"))
}
