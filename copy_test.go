package paradise_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// keeper is storage that does not remove some files.
type keeper struct {
	paradise.FileDriver
	errs map[string]error
}

func (k *keeper) Remove(ctx context.Context, s *paradise.Session, name string) error {
	if err := k.errs[name]; err != nil {
		return err
	}
	return k.FileDriver.Remove(ctx, s, name)
}

// The join stands: the client learns which part remains, the log why. One that has
// gone by itself does not.
func TestJoinedFilesTellWhichPartRemains(t *testing.T) {
	var log bytes.Buffer
	inMemory(t, func(srv *paradise.Server) {
		srv.Logger = slog.New(slog.NewTextHandler(&log, nil))
		srv.Files = &keeper{srv.Files, map[string]error{"/p2": errors.New("no such luck"), "/p3": fs.ErrNotExist}}
	}, func(w *world) {
		w.files.Put("/p1", []byte("one"))
		w.files.Put("/p2", []byte("two"))
		w.files.Put("/p3", []byte("three"))
		c := w.login()
		require.Equal(t, `250 Files joined, but not removed: "/p2"`, c.cmd(250, "COMB target p1 p2 p3"))
		require.Equal(t, "onetwothree", w.content("/target"))
		require.Equal(t, "two", w.content("/p2"))
		w.missing("/p1")
		c.quit()
	})
	require.Contains(t, log.String(), "no such luck")
}

// Storage that does not tell files apart may take names in any letter case.
func TestJoinedFilesWithoutIdentityMustDifferInMoreThanLetterCase(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Files = anonymous{srv.Files} }, func(w *world) {
		w.files.Put("/keep", []byte("k"))
		w.files.Put("/KEEP", []byte("K"))
		w.files.Put("/part", []byte("p"))
		c := w.login()
		c.cmd(501, "COMB keep KEEP")
		require.Equal(t, "k", w.content("/keep"))
		c.cmd(250, "COMB keep part")
		require.Equal(t, "kp", w.content("/keep"))
		c.quit()
	})
}

// anonymous is storage whose files have no identity.
type anonymous struct{ paradise.FileDriver }

func (a anonymous) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	e, err := a.FileDriver.Stat(ctx, s, name)
	e.Unique = ""
	return e, err
}
