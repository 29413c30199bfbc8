package paradise_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// What a client asks for and does not take is bounded in bytes, whatever the
// storage holds.

// hoard is a folder of many long names, which it makes as it goes; all in it are
// folders like itself, down to some depth.
type hoard struct {
	paradise.FileDriver
	names, length int
	owners        bool // each has one of its own
	held          int  // bytes that a listing holds, as osfs does for their order
}

func (f hoard) Stat(_ context.Context, _ *paradise.Session, name string) (paradise.Entry, error) {
	if strings.ContainsAny(name, "-*") {
		return paradise.Entry{}, fs.ErrNotExist // options and patterns
	}
	return paradise.Entry{Mode: fs.ModeDir | 0o755}, nil
}

func (f hoard) List(_ context.Context, _ *paradise.Session, dir string) (paradise.Listing, error) {
	return func(yield func(paradise.Entry, error) bool) {
		held := make([]byte, f.held)
		defer runtime.KeepAlive(held)
		mode := fs.ModeDir
		if strings.Count(dir, "/") > 3 {
			mode = 0
		}
		for i := range f.names {
			e := paradise.Entry{Name: fmt.Sprintf("%0*d", f.length, i), Mode: mode, ModTime: time.Unix(int64(i), 0)}
			if f.owners {
				e.Owner = e.Name
			}
			if !yield(e, nil) {
				return
			}
		}
	}, nil
}

// heapInUse is what is left after a collection.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // pools keep what they have for one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestWhatAClientDoesNotTakeIsBoundedInBytes(t *testing.T) {
	const sessions, most = 8, 1 << 20
	for _, command := range []string{"STAT /", "LIST", "NLST", "MLSD", "LIST -t", "LIST -S", "NLST -r", "LIST -R", "LIST -tR", "NLST -R", "LIST -t *"} {
		for _, f := range []hoard{{names: 10_100, length: 255}, {names: 9_990, length: 30}, {names: 10_000, length: 200, owners: true}, {names: 9_000, length: 100, held: 576 << 10}} {
			inMemory(t, func(srv *paradise.Server) { f.FileDriver = srv.Files; srv.Files = f; srv.Timeouts.Stall = time.Hour }, func(w *world) {
				var clients []*client
				for range sessions {
					clients = append(clients, w.login())
				}
				before := heapInUse()
				for _, c := range clients {
					if strings.HasPrefix(command, "STAT") {
						c.send("%s", command)
						continue
					}
					d := c.begin("%s", command)
					defer d.Close()
				}
				synctest.Wait()
				held := (heapInUse() - before) / sessions
				t.Logf("%s of %d names of %d bytes: %d KiB a session", command, f.names, f.length, held>>10)
				require.Less(t, held, int64(most), command)
				for _, c := range clients {
					c.conn.Close()
				}
			})
		}
	}
}

func TestAReplyThatIsNotTakenEndsTheSessionInTime(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Files = hoard{FileDriver: srv.Files, names: 100_000, length: 255} }, func(w *world) {
		c := w.login()
		c.send("STAT /")
		time.Sleep(31 * time.Second) // Timeouts.Reply and a moment
		synctest.Wait()
		require.Empty(t, w.srv.Stats().Sessions)
		c.conn.Close()
	})
}

// A reply that has begun ends with its own code, whatever has happened.
func TestAStatusThatFailsHalfWayEndsAsItBegan(t *testing.T) {
	for name, fault := range map[string]error{"fails": io.ErrUnexpectedEOF, "is refused": fs.ErrPermission} {
		inMemory(t, func(srv *paradise.Server) { srv.Files = failing{srv.Files, 1000, fault} }, func(w *world) {
			c := w.login()
			text := c.cmd(212, "STAT /")
			require.Regexp(t, `\r\n212 Incomplete: .+$`, text, name)
			require.Equal(t, 1001, strings.Count(text, "\r\n"))
			c.cmd(200, "NOOP")
			c.quit()
		})
		inMemory(t, func(srv *paradise.Server) { srv.Files = failing{srv.Files, 3, fault} }, func(w *world) {
			c := w.login()
			c.send("STAT /")
			line, err := c.r.ReadString('\n')
			require.NoError(t, err)
			require.Contains(t, []string{"451 ", "550 "}, line[:4], name)
			c.quit()
		})
	}
}

// failing yields entries and then an error.
type failing struct {
	paradise.FileDriver
	after int
	err   error
}

func (f failing) List(context.Context, *paradise.Session, string) (paradise.Listing, error) {
	return func(yield func(paradise.Entry, error) bool) {
		for i := range f.after {
			if !yield(paradise.Entry{Name: fmt.Sprintf("%05d", i)}, nil) {
				return
			}
		}
		yield(paradise.Entry{}, f.err)
	}, nil
}

func TestAStatusIsAbortedBetweenTwoEntries(t *testing.T) {
	inSlowMotion(t, plodding{pause: time.Minute, names: 30_000}, func(w *world) {
		c := w.login()
		c.send("STAT /")
		time.Sleep(10*time.Minute + time.Second)
		began := time.Now()
		c.send("NOOP") // waits: its reply would stand within the other
		c.send("ABOR")
		c.expect(426)
		c.expect(200)
		c.expect(226)
		require.LessOrEqual(t, time.Since(began), time.Minute)
		c.quit()
	})
}

func TestAStatusMayTakeLongerThanTheDriversLimit(t *testing.T) {
	inSlowMotion(t, plodding{pause: 100 * time.Millisecond, names: 9_000}, func(w *world) {
		c := w.login()
		text := c.cmd(212, "STAT /")
		require.Equal(t, 9_001, strings.Count(text, "\r\n"))
		c.quit()
	})
}

func TestNamesOfACombAreBoundedInBytes(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		deep := strings.Repeat("/"+strings.Repeat("d", 250), 16)
		w.files.Put(deep+"/a", []byte("x"))
		w.files.Put(deep+"/b", []byte("y"))
		c := w.login()
		for range 16 {
			c.cmd(250, "CWD %s", strings.Repeat("d", 250))
		}
		line := "COMB c"
		for i := range 900 {
			line += fmt.Sprintf(" %d", i)
		}
		c.cmd(501, "%s", line)
		c.cmd(250, "COMB c a b")
		c.quit()
	})
}
