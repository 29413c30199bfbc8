package paradise_test

import (
	"context"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

// A driver that does not return, obeys late, or is slow.

func hanging(at int) *paradisetest.Faults {
	return &paradisetest.Faults{Driver: memfs.New(), Kind: paradisetest.FaultHang, At: at}
}

func TestADriverThatDoesNotReturnIsNotWaitedFor(t *testing.T) {
	stuck := hanging(3)
	inMemory(t, func(srv *paradise.Server) { srv.Files = stuck }, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		began := time.Now()
		io.WriteString(d, "data")
		d.Close()
		c.expect(426)
		require.InDelta(t, 122, time.Since(began).Seconds(), 1)
		c.expect(421)
		c.closed()
		require.EqualValues(t, 1, w.srv.Stats().Stuck)
		err := w.srv.Shutdown(context.Background())
		require.ErrorIs(t, err, paradise.ErrDriverBlocked)
		require.ErrorContains(t, err, "session 1: STOR /f")
		stuck.Release()
		synctest.Wait()
		require.Zero(t, w.srv.Stats().Stuck)
		d.Close()
	})
}

func TestADriverThatDoesNotReturnFromACommandIsNotWaitedFor(t *testing.T) {
	stuck := hanging(1)
	inMemory(t, func(srv *paradise.Server) { srv.Files = stuck }, func(w *world) {
		c := w.login()
		began := time.Now()
		require.Contains(t, c.cmd(421, "MKD /d"), "Service did not answer in time")
		require.InDelta(t, 122, time.Since(began).Seconds(), 1)
		c.closed()
		require.EqualValues(t, 1, w.srv.Stats().Stuck)
		err := w.srv.Close()
		require.ErrorIs(t, err, paradise.ErrDriverBlocked)
		require.ErrorContains(t, err, "session 1: MKD /d")
		stuck.Release()
		synctest.Wait()
		require.Zero(t, w.srv.Stats().Stuck)
	})
}

func TestASessionThatIsLeftBehindKeepsNoPassivePort(t *testing.T) {
	stuck := hanging(1)
	inMemory(t, func(srv *paradise.Server) { srv.Files = stuck }, func(w *world) {
		listening := w.net.Open()
		c := w.login()
		c.epsv()
		require.EqualValues(t, 1, w.srv.Stats().Passive)
		c.cmd(421, "MKD /d")
		c.closed()
		synctest.Wait()
		require.Zero(t, w.srv.Stats().Passive)
		require.Empty(t, w.srv.Stats().Sessions)
		require.Equal(t, listening, w.net.Open())
		stuck.Release()
	})
}

// obedient hangs in Mkdir as long as its context lets it.
type obedient struct{ paradise.FileDriver }

func (obedient) Mkdir(ctx context.Context, _ *paradise.Session, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestKickDuringACommandSaysWhy(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Files = obedient{srv.Files} }, func(w *world) {
		c := w.login()
		c.send("MKD /d")
		synctest.Wait()
		require.NoError(t, w.srv.Kick(w.srv.Stats().Sessions[0].ID, nil))
		require.Equal(t, "421 Session ended by the operator", c.expect(421))
		c.closed()
	})
}

func TestCloseDuringACommandSaysGoodbye(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Files = obedient{srv.Files} }, func(w *world) {
		c := w.login()
		c.send("MKD /d")
		synctest.Wait()
		require.NoError(t, w.srv.Close())
		require.Contains(t, c.expect(421), "Service not available")
		c.closed()
	})
}

// trickling opens files that give a byte a minute.
type trickling struct{ paradise.FileDriver }

func (f trickling) Open(ctx context.Context, s *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	r, err := f.FileDriver.Open(ctx, s, name, offset)
	return trickle{r}, err
}

type trickle struct{ io.ReadCloser }

func (r trickle) Read(p []byte) (int, error) {
	time.Sleep(time.Minute)
	return r.ReadCloser.Read(p[:1])
}

func TestWaitingForAPlaceToHashIsNoFaultOfTheDriver(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Files = trickling{srv.Files} }, func(w *world) {
		w.files.Put("/f", []byte("abcd"))
		var clients []*client
		for range max(1, runtime.GOMAXPROCS(0)/2) + 1 {
			c := w.login()
			c.send("HASH f")
			clients = append(clients, c)
		}
		for _, c := range clients {
			c.expect(213)
			c.quit()
		}
	})
}
