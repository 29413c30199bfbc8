//go:build unix

package osfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

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
			m := &move{f, spot{at, ".", from}, spot{at, ".", "g"}, seen, c.noReplace, ""}
			err = m.rename(ctx, false)
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
