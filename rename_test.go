package paradise_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

// otherDisk is a storage in which a Rename, and a Copy, takes parts of a minute
// each.
type otherDisk struct {
	*memfs.FS
	parts int
}

func (d otherDisk) move(ctx context.Context) error {
	for range d.parts {
		if err := paradise.Step(ctx); err != nil {
			return err
		}
		time.Sleep(time.Minute)
	}
	return paradise.Step(ctx)
}

func (d otherDisk) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	if err := d.move(ctx); err != nil {
		return err
	}
	return d.FS.Rename(ctx, s, from, to, o)
}

func (d otherDisk) Copy(ctx context.Context, s *paradise.Session, from, to string, o paradise.CopyOptions) error {
	if err := d.move(ctx); err != nil {
		return err
	}
	return d.FS.Copy(ctx, s, from, to, o)
}

// slowRename runs a test with files of which a move takes ten minutes, far more than
// Timeouts.Driver.
func slowRename(t *testing.T, test func(files *memfs.FS, c *client)) {
	files := memfs.New()
	files.Put("/f", []byte("x"))
	inMemory(t, func(srv *paradise.Server) {
		srv.Files = otherDisk{files, 10}
		srv.Timeouts.Driver = 90 * time.Second
	}, func(w *world) {
		c := w.login()
		test(files, c)
		c.quit()
	})
}

func TestAMoveMayTakeLongerThanACall(t *testing.T) {
	slowRename(t, func(files *memfs.FS, c *client) {
		began := time.Now()
		c.cmd(350, "RNFR f")
		c.send("RNTO g")
		synctest.Wait()
		c.cmd(200, "NOOP")
		require.Zero(t, time.Since(began), "the client is answered meanwhile")
		c.expect(250)
		require.Equal(t, 10*time.Minute, time.Since(began))
		c.cmd(250, "SITE COPY g h")
		c.cmd(213, "SIZE g")
		c.cmd(213, "SIZE h")
		c.cmd(550, "SIZE f")
	})
}

func TestAMoveEndsByAbor(t *testing.T) {
	slowRename(t, func(files *memfs.FS, c *client) {
		c.cmd(350, "RNFR f")
		c.send("RNTO g")
		synctest.Wait()
		c.send("ABOR")
		c.expect(426)
		c.expect(226)
		c.cmd(213, "SIZE f")
		c.cmd(550, "SIZE g")
		c.cmd(503, "RNTO g")
	})
}

func TestAMoveEndsWithItsClient(t *testing.T) {
	files := memfs.New()
	files.Put("/f", []byte("x"))
	inMemory(t, func(srv *paradise.Server) { srv.Files = otherDisk{files, 10} }, func(w *world) {
		c := w.login()
		c.cmd(350, "RNFR f")
		c.send("RNTO g")
		synctest.Wait()
		c.conn.Close()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Empty(t, w.srv.Stats().Sessions)
		_, err := files.Stat(t.Context(), nil, "/f")
		require.NoError(t, err)
	})
}

// A host program that calls a driver itself needs nothing for it.
func TestAStepOfNobodysIsTheEndOfItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	require.NoError(t, paradise.Step(ctx))
	why := errors.New("why")
	cancel(why)
	require.ErrorIs(t, paradise.Step(ctx), why)
}
