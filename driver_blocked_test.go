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
		require.EqualValues(t, 1, w.srv.Stats().PassiveListeners)
		c.cmd(421, "MKD /d")
		c.closed()
		synctest.Wait()
		require.Zero(t, w.srv.Stats().PassiveListeners)
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

// sluggish takes its time and heeds no context.
type sluggish struct {
	paradise.FileDriver
	pause time.Duration
}

func (f sluggish) Mkdir(ctx context.Context, s *paradise.Session, name string) error {
	time.Sleep(f.pause)
	return f.FileDriver.Mkdir(ctx, s, name)
}

func (f sluggish) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	time.Sleep(f.pause)
	return f.FileDriver.Store(ctx, s, name, o)
}

// The clocks of the server and of its driver strike together: whoever wins, nothing
// of it is left for what comes after.
func TestADriverThatReturnsAtItsLimit(t *testing.T) {
	const many = 50
	t.Run("from a command", func(t *testing.T) {
		inMemory(t, func(srv *paradise.Server) { srv.Files = sluggish{srv.Files, 2 * time.Minute} }, func(w *world) {
			var clients []*client
			for i := range many {
				c := w.login()
				c.send("MKD %d", i)
				clients = append(clients, c)
			}
			for _, c := range clients {
				line, err := c.r.ReadString('\n')
				require.NoError(t, err)
				if line[:3] == "451" {
					c.closed()
					continue
				}
				time.Sleep(5 * time.Second)
				c.cmd(200, "NOOP")
				c.quit()
			}
		})
	})
	t.Run("from a transfer that is given up", func(t *testing.T) {
		inMemory(t, func(srv *paradise.Server) { srv.Files = sluggish{srv.Files, 2*time.Minute + 2*time.Second} }, func(w *world) {
			for i := range many {
				c := w.login()
				c.epsv()
				c.send("STOR %d", i)
				defer c.conn.Close()
			}
			time.Sleep(time.Hour)
			require.Zero(t, w.srv.Stats().Stuck)
			require.NoError(t, w.srv.Close())
		})
	})
}

func TestCloseTakesTheDataChannelFromACommandThatIsBeingJudged(t *testing.T) {
	for _, verb := range []string{"EPSV", "STOR", "RETR", "LIST"} {
		t.Run(verb, func(t *testing.T) {
			inMemory(t, func(srv *paradise.Server) {
				srv.Hooks.Before = func(_ context.Context, _ *paradise.Session, v, _ string) error {
					if v == verb {
						time.Sleep(5 * time.Second) // as long as Close waits
					}
					return nil
				}
			}, func(w *world) {
				w.files.Put("/f", []byte("x"))
				for range 20 {
					c := w.login()
					if verb == "EPSV" {
						c.send("EPSV")
					} else {
						c.epsv()
						c.send("%s f", verb)
					}
					defer c.conn.Close()
				}
				synctest.Wait()
				w.srv.Close()
				time.Sleep(10 * time.Second)
				require.Zero(t, w.srv.Stats().Panics)
			})
		})
	}
}

func TestAHostCommandThatHasDoneItsWorkSaysSoDespiteKick(t *testing.T) {
	run := func(context.Context, *paradise.Session, paradise.FileDriver, string) (paradise.Reply, error) {
		time.Sleep(time.Second)
		return paradise.Reply{Code: 200, Text: "Done"}, nil
	}
	inMemory(t, func(srv *paradise.Server) { srv.Commands = []paradise.Command{{Name: "XDO", Run: run}} }, func(w *world) {
		c := w.login()
		c.send("XDO")
		synctest.Wait()
		require.NoError(t, w.srv.Kick(w.srv.Stats().Sessions[0].ID, io.EOF))
		c.expect(200)
		require.Equal(t, "421 Session ended by the operator", c.expect(421))
		c.closed()
	})
}

func TestAfterComesForATransferThatWasGivenUp(t *testing.T) {
	stuck := hanging(3)
	codes := make(chan int, 10)
	inMemory(t, func(srv *paradise.Server) {
		srv.Files = stuck
		srv.Hooks.After = func(_ context.Context, _ *paradise.Session, verb, _ string, code int) {
			if verb == "STOR" {
				codes <- code
			}
		}
	}, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		io.WriteString(d, "data")
		d.Close()
		c.expect(426)
		c.expect(421)
		c.closed()
		stuck.Release()
		synctest.Wait()
		require.Len(t, codes, 1)
		require.Equal(t, 426, <-codes)
	})
}

func TestALoginThatCameTooLateIsNone(t *testing.T) {
	for _, pause := range []time.Duration{121 * time.Second, 130 * time.Second} {
		inMemory(t, func(srv *paradise.Server) {
			accounts := srv.Auth
			srv.Timeouts.Login = time.Hour
			srv.Auth = paradise.AuthFunc(func(ctx context.Context, s *paradise.Session, c paradise.Credentials) (*paradise.User, error) {
				time.Sleep(pause)
				return accounts.Authenticate(ctx, s, c)
			})
			srv.Hooks.Login = func(context.Context, paradise.LoginEvent) { t.Error("a login of a session that has ended") }
		}, func(w *world) {
			c := w.dial()
			c.cmd(331, "USER auser")
			c.send("PASS secret")
			time.Sleep(time.Hour)
			require.Zero(t, w.srv.Stats().Logins.Done)
			c.conn.Close()
		})
	}
}
