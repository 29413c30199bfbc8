package osfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

func TestHiddenNames(t *testing.T) {
	for name, want := range map[string]bool{
		".paradise-x.part":            true,
		".paradise-":                  true,
		".PARADISE-X.PART":            true,
		".Paradi\u017fe-x.part":       true, // long s folds to s
		".par\u200cadise-x.part":      true, // HFS+ does not see the joiner
		"\u200c.paradise-x.part":      true,
		".paradise":                   false,
		"paradise-x.part":             false,
		".paradis-x":                  false,
		".p":                          false,
		".profile-of-a-user":          false,
		"a file with a longer name":   false,
		"\u00e9t\u00e9 \u00e0 la mer": false,
	} {
		assert.Equal(t, want, hidden(name), "%q", name)
	}
}

func TestHiddenNamesAreRefusedByEveryVerb(t *testing.T) {
	d, dir := open(t, Options{})
	put(t, dir, ".paradise-other.part", "x")
	put(t, dir, "f", "x")
	t.Cleanup(func() {
		require.FileExists(t, filepath.Join(dir, ".paradise-other.part"))
		require.NoError(t, os.Remove(filepath.Join(dir, ".paradise-other.part")))
	})
	assert.Equal(t, []string{"f"}, names(t, d, "/"))
	for _, name := range []string{"/.paradise-other.part", "/.PARADISE-other.part", "/sub/.paradise-d/f"} {
		for verb, try := range map[string]func() error{
			"Stat":       func() error { _, err := d.Stat(ctx, session, name); return err },
			"List":       func() error { _, err := d.List(ctx, session, name); return err },
			"Open":       func() error { _, err := d.Open(ctx, session, name, 0); return err },
			"Store":      func() error { _, err := d.Store(ctx, session, name, paradise.StoreOptions{}); return err },
			"Mkdir":      func() error { return d.Mkdir(ctx, session, name) },
			"Remove":     func() error { return d.Remove(ctx, session, name) },
			"RemoveDir":  func() error { return d.RemoveDir(ctx, session, name) },
			"RenameFrom": func() error { return d.Rename(ctx, session, name, "/g", paradise.RenameOptions{}) },
			"RenameTo":   func() error { return d.Rename(ctx, session, "/f", name, paradise.RenameOptions{}) },
			"CopyFrom":   func() error { return d.Copy(ctx, session, name, "/g", paradise.CopyOptions{}) },
			"CopyTo":     func() error { return d.Copy(ctx, session, "/f", name, paradise.CopyOptions{}) },
			"SetAttr":    func() error { return d.SetAttr(ctx, session, name, paradise.Attr{SetMode: true}) },
			"Space":      func() error { _, err := d.Space(ctx, session, name); return err },
		} {
			assert.ErrorIs(t, try(), paradise.ErrBadName, "%s %s", verb, name)
		}
	}
}

func TestNamesAreCleanedBeforeUse(t *testing.T) {
	for name, want := range map[string]string{
		"": ".", "/": ".", "/..": ".", "/../../x": "x", "a/./b//c/": "a/b/c", "/a/../b": "b", "/a/b/../../..": ".",
	} {
		got, err := clean(name)
		require.NoError(t, err)
		assert.Equal(t, want, got, name)
	}
	_, err := clean("/a\x00b")
	assert.ErrorIs(t, err, paradise.ErrBadName)
}
