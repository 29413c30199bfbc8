package osfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

func TestOpenAtAnOffset(t *testing.T) {
	d, dir := open(t, Options{})
	put(t, dir, "f", "0123456789")
	for offset, want := range map[int64]string{0: "0123456789", 4: "456789", 10: ""} {
		f, err := d.Open(ctx, session, "/f", offset)
		require.NoError(t, err)
		b, err := io.ReadAll(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		assert.Equal(t, want, string(b))
	}
	_, err := d.Open(ctx, session, "/f", 11)
	assert.ErrorIs(t, err, paradise.ErrBadOffset)
}

func TestRefusalsHaveTheirMeaning(t *testing.T) {
	d, dir := open(t, Options{})
	put(t, dir, "f", "x")
	put(t, dir, "full/f", "x")
	require.NoError(t, d.Mkdir(ctx, session, "/empty"))
	rename := func(from, to string) error { return d.Rename(ctx, session, from, to, paradise.RenameOptions{}) }
	opened := func(name string) error { _, err := d.Open(ctx, session, name, 0); return err }
	listed := func(name string) error { _, err := d.List(ctx, session, name); return err }
	for _, rule := range []struct {
		what string
		err  error
		want error
	}{
		{"open a folder", opened("/full"), paradise.ErrIsDir},
		{"open the root", opened("/"), paradise.ErrIsDir},
		{"open what is missing", opened("/none"), fs.ErrNotExist},
		{"open below a file", opened("/f/x"), paradise.ErrNotDir},
		{"list a file", listed("/f"), paradise.ErrNotDir},
		{"list what is missing", listed("/none"), fs.ErrNotExist},
		{"make what is there", d.Mkdir(ctx, session, "/f"), fs.ErrExist},
		{"make the root", d.Mkdir(ctx, session, "/"), fs.ErrExist},
		{"make without a parent", d.Mkdir(ctx, session, "/none/x"), fs.ErrNotExist},
		{"remove a folder as a file", d.Remove(ctx, session, "/empty"), paradise.ErrIsDir},
		{"remove the root as a file", d.Remove(ctx, session, "/"), paradise.ErrIsDir},
		{"remove what is missing", d.Remove(ctx, session, "/none"), fs.ErrNotExist},
		{"remove a file as a folder", d.RemoveDir(ctx, session, "/f"), paradise.ErrNotDir},
		{"remove a full folder", d.RemoveDir(ctx, session, "/full"), paradise.ErrNotEmpty},
		{"remove the root", d.RemoveDir(ctx, session, "/"), fs.ErrPermission},
		{"rename what is missing", rename("/none", "/x"), fs.ErrNotExist},
		{"rename a file over a folder", rename("/f", "/empty"), fs.ErrExist},
		{"rename a folder over a folder", rename("/full", "/empty"), fs.ErrExist},
		{"rename a folder over a file", rename("/empty", "/f"), fs.ErrExist},
		{"rename into a missing folder", rename("/f", "/none/f"), fs.ErrNotExist},
		{"rename over the root", rename("/full", "/"), fs.ErrExist},
		{"rename the root", rename("/", "/x"), fs.ErrPermission},
		{"rename into itself", rename("/full", "/full/sub"), paradise.ErrBadName},
		{"attributes of the root", d.SetAttr(ctx, session, "/", paradise.Attr{ModTime: time.Now()}), fs.ErrPermission},
		{"creation time", d.SetAttr(ctx, session, "/f", paradise.Attr{Created: time.Now()}), errors.ErrUnsupported},
		{"attributes of what is missing", d.SetAttr(ctx, session, "/none", paradise.Attr{ModTime: time.Now()}), fs.ErrNotExist},
	} {
		assert.ErrorIs(t, rule.err, rule.want, rule.what)
	}
	assert.ElementsMatch(t, []string{"f", "full", "empty"}, names(t, d, "/"))
}

func TestRenameReplacesAFile(t *testing.T) {
	d, dir := open(t, Options{})
	put(t, dir, "from", "new")
	put(t, dir, "sub/to", "old")
	require.NoError(t, d.Rename(ctx, session, "/from", "/sub/to", paradise.RenameOptions{}))
	assert.Equal(t, "new", get(t, dir, "sub/to"))
	require.NoError(t, d.Rename(ctx, session, "/sub", "/moved", paradise.RenameOptions{}))
	assert.Equal(t, "new", get(t, dir, "moved/to"))
	require.NoError(t, d.Rename(ctx, session, "/moved", "/moved", paradise.RenameOptions{}), "to its own name")
	require.NoError(t, d.RemoveDir(ctx, session, mustEmpty(t, d, "/moved", "to")))
}

func mustEmpty(t *testing.T, d *Driver, dir, file string) string {
	require.NoError(t, d.Remove(ctx, session, dir+"/"+file))
	return dir
}

func TestSetAttrDoesAllOfItOrNothing(t *testing.T) {
	needs.That(t, runtime.GOOS != "windows", "Windows has no mode bits")
	d, dir := open(t, Options{})
	put(t, dir, "f", "x")
	at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	require.NoError(t, d.SetAttr(ctx, session, "/f", paradise.Attr{SetMode: true, Mode: 0o600, ModTime: at}))
	e, err := d.Stat(ctx, session, "/f")
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), e.Mode)
	assert.True(t, at.Equal(e.ModTime))

	require.ErrorIs(t, d.SetAttr(ctx, session, "/f", paradise.Attr{SetMode: true, Mode: 0o644, Created: at}), errors.ErrUnsupported)
	err = d.SetAttr(ctx, session, "/f", paradise.Attr{SetMode: true, Mode: 0o644, Owner: "no such user, surely"})
	if d.Features(session)&paradise.FeatureSetOwner == 0 {
		require.ErrorIs(t, err, errors.ErrUnsupported, "only root may give files away")
	} else {
		r, ok := errors.AsType[*paradise.ReplyError](err)
		require.True(t, ok)
		require.Equal(t, 501, r.Code, "the file is there")
	}
	e, err = d.Stat(ctx, session, "/f")
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), e.Mode)
}

func TestSetAttrGivesAFileAway(t *testing.T) {
	needs.Root(t, "giving files away")
	d, dir := open(t, Options{Owners: NumericOwners})
	put(t, dir, "f", "x")
	require.NoError(t, d.SetAttr(ctx, session, "/f", paradise.Attr{Owner: "1234", Group: "4321"}))
	e, err := d.Stat(ctx, session, "/f")
	require.NoError(t, err)
	assert.Equal(t, []string{"1234", "4321"}, []string{e.Owner, e.Group})
}

func TestSpaceIsWhatTheFileSystemHas(t *testing.T) {
	d, _ := open(t, Options{})
	needs.That(t, d.Features(session)&paradise.FeatureSpace != 0, "no way to ask here")
	n, err := d.Space(ctx, session, "/")
	require.NoError(t, err)
	assert.Positive(t, n)
	_, err = d.Space(ctx, session, "/none")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestClosedDriverRefuses(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(dir, Options{})
	require.NoError(t, err)
	put(t, dir, "f", "x")
	require.NoError(t, d.Close())
	_, err = d.Open(ctx, session, "/f", 0)
	assert.ErrorIs(t, err, fs.ErrClosed)
	_, err = d.Store(ctx, session, "/f", paradise.StoreOptions{})
	assert.ErrorIs(t, err, fs.ErrClosed)
	_, err = d.List(ctx, session, "/")
	assert.ErrorIs(t, err, fs.ErrClosed)
	assert.ErrorIs(t, d.Remove(ctx, session, "/f"), fs.ErrClosed)
	assert.FileExists(t, filepath.Join(dir, "f"))
}

func TestOpenNeedsAFolder(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "f", "x")
	_, err := Open(filepath.Join(dir, "none"), Options{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Open(filepath.Join(dir, "f"), Options{})
	require.Error(t, err)
}

// Whoever closes the served folder closes it for all, after a restart too.
func TestTheServedFolderKeepsItsAttributes(t *testing.T) {
	needs.That(t, runtime.GOOS != "windows", "Windows has no mode bits")
	base := t.TempDir()
	put(t, base, "ann/sub/f", "x")
	h, err := OpenHomes(base, HomesOptions{})
	require.NoError(t, err)
	defer h.Close()
	d, err := Open(filepath.Join(base, "ann"), Options{})
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, os.Symlink(".", filepath.Join(base, "ann/dot")))
	require.NoError(t, os.Symlink("..", filepath.Join(base, "ann/sub/up")))
	for _, files := range []paradise.FileDriver{d, h} {
		for _, name := range []string{"/", "", ".", "/sub/..", "/dot", "/dot/dot", "/sub/up"} {
			before, err := os.Stat(filepath.Join(base, "ann"))
			require.NoError(t, err)
			for _, a := range []paradise.Attr{
				{SetMode: true},
				{ModTime: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)},
				{Group: strconv.Itoa(os.Getegid())},
			} {
				err := files.SetAttr(ctx, session, name, a)
				if a.Group == "" || files.Features(session)&paradise.FeatureSetOwner != 0 {
					require.ErrorIs(t, err, fs.ErrPermission, name)
				}
			}
			after, err := os.Stat(filepath.Join(base, "ann"))
			require.NoError(t, err)
			require.Equal(t, before.Mode(), after.Mode(), name)
			require.Equal(t, before.ModTime(), after.ModTime(), name)
		}
		require.NoError(t, files.SetAttr(ctx, session, "/sub", paradise.Attr{SetMode: true, Mode: 0o700}), "folders below are the users'")
	}
}
