//go:build unix

package quota_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/osfs"
	"github.com/paradiseftp/paradise/quota"
)

// held is a storage where changes wait just before they are made.
type held struct {
	paradise.FileDriver
	wait chan struct{}
}

func (d *held) Remove(ctx context.Context, s *paradise.Session, name string) error {
	<-d.wait
	return d.FileDriver.Remove(ctx, s, name)
}

func (d *held) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	<-d.wait
	return d.FileDriver.Rename(ctx, s, from, to, o)
}

func (d *held) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	u, err := d.FileDriver.Store(ctx, s, name, o)
	if err != nil {
		return nil, err
	}
	return &heldUpload{u, d}, nil
}

type heldUpload struct {
	paradise.Upload
	d *held
}

func (u *heldUpload) Commit(ctx context.Context) error {
	<-u.d.wait
	return u.Upload.Commit(ctx)
}

// One file has many paths where a link leads to its folder. Two changes of it, each by
// another path, have to take the old version off the account once.
func TestAFileIsCountedOnceWhateverPathLeadsToIt(t *testing.T) {
	type change = func(ctx context.Context, q *quota.Driver, name string) error
	remove := func(ctx context.Context, q *quota.Driver, name string) error { return q.Remove(ctx, anna, name) }
	replace := func(ctx context.Context, q *quota.Driver, name string) error {
		return store(ctx, q, name, 10, paradise.StoreOptions{})
	}
	add := func(ctx context.Context, q *quota.Driver, name string) error {
		return store(ctx, q, name, 10, paradise.StoreOptions{Append: true})
	}
	over := func(ctx context.Context, q *quota.Driver, name string) error {
		return q.Rename(ctx, anna, "/other", name, paradise.RenameOptions{})
	}
	for name, both := range map[string][2]change{
		"two removals":            {remove, remove},
		"two uploads":             {replace, replace},
		"two appends":             {add, add},
		"an upload and a removal": {replace, remove},
		"a removal and an append": {remove, add},
		"a rename and an upload":  {over, replace},
		"a removal and a rename":  {remove, over},
	} {
		for i, where := range []string{"one server", "two servers"} {
			t.Run(name+" on "+where, func(t *testing.T) { checkPaths(t, both, i == 1) })
		}
	}
}

func checkPaths(t *testing.T, do [2]func(context.Context, *quota.Driver, string) error, apart bool) {
	dir := t.TempDir()
	d, err := osfs.Open(dir, osfs.Options{})
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), make([]byte, 60), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other"), make([]byte, 20), 0o600))
	require.NoError(t, os.Symlink(".", filepath.Join(dir, "self")))
	synctest.Test(t, func(t *testing.T) {
		slow := &held{d, make(chan struct{})}
		qs := servers(t, 2, slow, quota.NewMemory(), quota.Limits{Bytes: 100})
		if !apart {
			qs[1] = qs[0]
		}
		uses(t, qs[0], 80, 2, "counted")
		ended := make(chan error, 2)
		for i, name := range []string{"/f", "/self/f"} {
			go func() { ended <- do[i](t.Context(), qs[i], name) }()
		}
		synctest.Wait()
		close(slow.wait)
		errs := []error{<-ended, <-ended}
		assert.Contains(t, errs, nil, "one of them at least is done")
		was, _, err := qs[0].Usage(t.Context(), anna)
		require.NoError(t, err)
		require.NoError(t, qs[0].Rescan(t.Context(), anna))
		uses(t, qs[0], was.Bytes, was.Files, "as a count says")
	})
}
