package iofs_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/iofs"
	"github.com/paradiseftp/paradise/paradisetest"
)

var asker = &paradise.Session{ID: 1, User: paradise.User{Name: "tester"}}

func TestKeepsTheRulesOfDrivers(t *testing.T) {
	for name, make := range map[string]func(testing.TB, map[string]string) fs.FS{
		"MapFS":     mapFS,
		"DirFS":     func(tb testing.TB, files map[string]string) fs.FS { return os.DirFS(dir(tb, files)) },
		"Root":      rootFS,
		"zip":       zipFS,
		"plain":     func(tb testing.TB, files map[string]string) fs.FS { return plainFS{mapFS(tb, files)} },
		"ReadDirFS": func(tb testing.TB, files map[string]string) fs.FS { return readDirFS{plainFS{mapFS(tb, files)}} },
	} {
		t.Run(name, func(t *testing.T) {
			paradisetest.TestFileDriver(t, paradisetest.DriverOptions{
				Seeded: func(tb testing.TB, files map[string]string) paradise.FileDriver {
					return iofs.New(make(tb, files))
				},
				Without: paradisetest.WithoutWrites,
			})
		})
	}
}

func TestAnOSFileIsReturnedAsItIs(t *testing.T) {
	d := iofs.New(os.DirFS(dir(t, map[string]string{"/f": "0123456789"})))
	r, err := d.Open(t.Context(), asker, "/f", 4)
	require.NoError(t, err)
	defer r.Close()
	assert.IsType(t, (*os.File)(nil), r, "sendfile needs the file itself")
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, "456789", string(got))
}

func TestAllChangesAreRefusedAsForbidden(t *testing.T) {
	d := iofs.New(fstest.MapFS{"f": {Data: []byte("x")}})
	ctx := t.Context()
	_, err := d.Store(ctx, asker, "/g", paradise.StoreOptions{})
	for name, err := range map[string]error{
		"Store":     err,
		"Mkdir":     d.Mkdir(ctx, asker, "/d"),
		"Remove":    d.Remove(ctx, asker, "/f"),
		"RemoveDir": d.RemoveDir(ctx, asker, "/d"),
		"Rename":    d.Rename(ctx, asker, "/f", "/g", paradise.RenameOptions{}),
		"Copy":      d.Copy(ctx, asker, "/f", "/g", paradise.CopyOptions{}),
		"SetAttr":   d.SetAttr(ctx, asker, "/f", paradise.Attr{SetMode: true}),
	} {
		assert.ErrorIs(t, err, fs.ErrPermission, name)
	}
}

func TestNamesThatIOFSRefusesAreNotThere(t *testing.T) {
	d := iofs.New(os.DirFS(t.TempDir()))
	for _, name := range []string{"/not utf-8 \xff", "/" + strings.Repeat("n", 300)} {
		_, err := d.Stat(t.Context(), asker, name)
		assert.ErrorIs(t, err, fs.ErrNotExist)
	}
}

func TestReadingUpToAnOffsetEndsWithTheContext(t *testing.T) {
	d := iofs.New(plainFS{fstest.MapFS{"f": {Data: []byte("0123456789")}}})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(paradise.ErrAborted)
	_, err := d.Open(ctx, asker, "/f", 4)
	assert.ErrorIs(t, err, paradise.ErrAborted)
}

func TestAFileShorterThanItSaysIsABadOffset(t *testing.T) {
	d := iofs.New(plainFS{lyingFS{fstest.MapFS{"f": {Data: []byte("0123")}}}})
	_, err := d.Open(t.Context(), asker, "/f", 50)
	assert.ErrorIs(t, err, paradise.ErrBadOffset)
}

func TestAListingThatFailsEndsWithTheError(t *testing.T) {
	d := iofs.New(fstest.MapFS{"a": {}, "b": {}})
	ctx, cancel := context.WithCancelCause(t.Context())
	l, err := d.List(ctx, asker, "/")
	require.NoError(t, err)
	cancel(paradise.ErrAborted)
	var last error
	for _, last = range l {
	}
	assert.ErrorIs(t, last, paradise.ErrAborted)
}

func TestAFolderThatCannotBeReadIsUnsupported(t *testing.T) {
	d := iofs.New(noReadDirFS{fstest.MapFS{"a": {}}})
	_, err := d.List(t.Context(), asker, "/")
	assert.ErrorIs(t, err, errors.ErrUnsupported)
}

func mapFS(_ testing.TB, files map[string]string) fs.FS {
	m := fstest.MapFS{}
	for name, data := range files {
		if folder, ok := strings.CutSuffix(name, "/"); ok {
			m[folder[1:]] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
			continue
		}
		m[name[1:]] = &fstest.MapFile{Data: []byte(data), Mode: 0o644}
	}
	return m
}

// dir writes files into a new folder and returns it.
func dir(tb testing.TB, files map[string]string) string {
	root := tb.TempDir()
	for name, data := range files {
		full := filepath.Join(root, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			require.NoError(tb, os.MkdirAll(full, 0o755))
			continue
		}
		require.NoError(tb, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(tb, os.WriteFile(full, []byte(data), 0o644))
	}
	return root
}

func rootFS(tb testing.TB, files map[string]string) fs.FS {
	root, err := os.OpenRoot(dir(tb, files))
	require.NoError(tb, err)
	tb.Cleanup(func() { root.Close() })
	return root.FS()
}

func zipFS(tb testing.TB, files map[string]string) fs.FS {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name, data := range files {
		f, err := w.Create(name[1:])
		require.NoError(tb, err)
		_, err = f.Write([]byte(data))
		require.NoError(tb, err)
	}
	require.NoError(tb, w.Close())
	r, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	require.NoError(tb, err)
	return r
}

// plainFS is a minimal fs.FS: it hides StatFS and ReadDirFS, and its files cannot seek.
type plainFS struct{ inner fs.FS }

func (p plainFS) Open(name string) (fs.File, error) {
	f, err := p.inner.Open(name)
	if err != nil {
		return nil, err
	}
	if d, ok := f.(fs.ReadDirFile); ok {
		return plainDir{d}, nil
	}
	return plainFile{f}, nil
}

type plainFile struct{ fs.File }

type plainDir struct{ fs.ReadDirFile }

// readDirFS lists folders itself, because the folders that it opens cannot.
type readDirFS struct{ inner fs.FS }

func (r readDirFS) Open(name string) (fs.File, error) { return noReadDirFS(r).Open(name) }

func (r readDirFS) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(r.inner, name) }

// noReadDirFS cannot list folders at all.
type noReadDirFS struct{ inner fs.FS }

func (n noReadDirFS) Open(name string) (fs.File, error) {
	f, err := n.inner.Open(name)
	if err != nil {
		return nil, err
	}
	return plainFile{f}, nil
}

// lyingFS has files whose Stat reports more bytes than they have.
type lyingFS struct{ inner fs.FS }

func (l lyingFS) Open(name string) (fs.File, error) {
	f, err := l.inner.Open(name)
	return lyingFile{f}, err
}

type lyingFile struct{ fs.File }

func (l lyingFile) Stat() (fs.FileInfo, error) {
	fi, err := l.File.Stat()
	return lyingInfo{fi}, err
}

type lyingInfo struct{ fs.FileInfo }

func (lyingInfo) Size() int64 { return 100 }
