package osfs

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

var session = &paradise.Session{User: paradise.User{Name: "ann"}}

// kinds are the two ways in which a temporary is kept; rules hold for both.
var kinds = map[string]bool{"unnamed temporaries": false, "named temporaries": true}

// eachKind runs a rule with each kind of temporary.
func eachKind(t *testing.T, o Options, rule func(t *testing.T, d *Driver, dir string)) {
	for kind, named := range kinds {
		t.Run(kind, func(t *testing.T) {
			d, dir := open(t, o)
			if named {
				d.at.Load().named.Store(true)
			}
			rule(t, d, dir)
		})
	}
}

// open serves a new folder; when the test ends nothing hidden may be left.
func open(t testing.TB, o Options) (*Driver, string) {
	dir := t.TempDir()
	d, err := Open(dir, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		<-d.Swept()
		require.NoError(t, d.Close())
		assert.Empty(t, leftovers(t, dir))
	})
	return d, dir
}

// leftovers lists the hidden files below a folder.
func leftovers(t testing.TB, dir string) []string {
	var found []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(strings.ToLower(e.Name()), hiddenPrefix) {
			found = append(found, path)
		}
		return err
	}))
	return found
}

// parts are the temporaries among the leftovers.
func parts(t testing.TB, dir string) []string {
	var found []string
	for _, name := range leftovers(t, dir) {
		if strings.HasSuffix(name, partSuffix) {
			found = append(found, name)
		}
	}
	return found
}

func put(t testing.TB, dir, name, content string) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

func get(t testing.TB, dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	require.NoError(t, err)
	return string(b)
}

// begin opens an upload and writes content to it.
func begin(t testing.TB, d paradise.FileDriver, name, content string, o paradise.StoreOptions) paradise.Upload {
	u, err := d.Store(context.Background(), session, name, o)
	require.NoError(t, err)
	require.NoError(t, u.Begin(context.Background(), paradise.UploadInfo{}))
	n, err := io.WriteString(u, content)
	require.NoError(t, err)
	require.Len(t, content, n)
	return u
}

func store(t testing.TB, d paradise.FileDriver, name, content string, o paradise.StoreOptions) {
	u := begin(t, d, name, content, o)
	require.NoError(t, u.Commit(context.Background()))
}

func names(t testing.TB, d paradise.FileDriver, dir string) []string {
	l, err := d.List(context.Background(), session, dir)
	require.NoError(t, err)
	found := []string{}
	for e, err := range l {
		require.NoError(t, err)
		found = append(found, e.Name)
	}
	return found
}
