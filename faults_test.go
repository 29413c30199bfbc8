package paradise_test

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

// errPaths are whole sessions; each is run once for every operation of the
// driver in it and every way in which that can go wrong.
var errPaths = map[string]func(c *client) []int{
	"STOR": func(c *client) []int {
		d := c.begunOr("STOR /dir/f")
		if d == nil {
			return nil
		}
		io.WriteString(d, "new content")
		d.Close()
		return []int{226, 426, 451, 452, 550}
	},
	"APPE": func(c *client) []int {
		d := c.begunOr("APPE /dir/f")
		if d == nil {
			return nil
		}
		io.WriteString(d, " and more")
		d.Close()
		return []int{226, 426, 451, 452, 550}
	},
	"RETR": func(c *client) []int {
		d := c.begunOr("RETR /dir/f")
		if d == nil {
			return nil
		}
		io.Copy(io.Discard, d)
		d.Close()
		return []int{226, 426, 451, 452, 550}
	},
	"LIST": func(c *client) []int {
		d := c.begunOr("LIST /dir")
		if d == nil {
			return nil
		}
		io.Copy(io.Discard, d)
		d.Close()
		return []int{226, 426, 451, 452, 550}
	},
	"COMB": func(c *client) []int {
		c.send(`COMB "/dir/t" "/dir/p1" "/dir/p2"`)
		return []int{250, 426, 451, 452, 550}
	},
	"COPY": func(c *client) []int { c.send("SITE COPY /dir/f /dir/t"); return []int{250, 426, 451, 452, 550} },
	"HASH": func(c *client) []int { c.send("HASH /dir/f"); return []int{213, 426, 451, 452, 550} },
	"RMD":  func(c *client) []int { c.send("RMD /dir"); return []int{550, 426, 451, 452, 550} },
	"MLST": func(c *client) []int { c.send("MLST /dir/f"); return []int{250, 426, 451, 452, 550} },
	"RNFR": func(c *client) []int { c.send("RNFR /dir/f"); return []int{350, 426, 451, 452, 550} },
}

// begunOr starts a transfer; nil means it was refused before its 150, with a
// reply that has been read.
func (c *client) begunOr(command string) io.ReadWriteCloser {
	d := c.w.data(clientAddr, c.epsv())
	c.send("%s", command)
	line, err := c.r.ReadString('\n')
	if err != nil {
		d.Close()
		c.w.t.Fatalf("no reply to %s: %v", command, err)
	}
	if line[:3] == "150" {
		return d
	}
	require.Contains(c.w.t, "45", line[:1], line)
	d.Close()
	return nil
}

// code reads a final reply's code.
func (c *client) code() int {
	line, err := c.r.ReadString('\n')
	require.NoError(c.w.t, err)
	for line[3] == '-' {
		first := line[:3]
		for line[:4] != first+" " {
			line, err = c.r.ReadString('\n')
			require.NoError(c.w.t, err)
		}
	}
	n, err := strconv.Atoi(line[:3])
	require.NoError(c.w.t, err)
	return n
}

func TestEveryFaultOfADriverHasItsReplyAndOneEnding(t *testing.T) {
	kinds := []paradisetest.FaultKind{paradisetest.FaultError, paradisetest.FaultShortWrite, paradisetest.FaultLatency, paradisetest.FaultPanic, paradisetest.FaultBlock}
	for name, run := range errPaths {
		for _, kind := range kinds {
			t.Run(fmt.Sprintf("%s/%v", name, kind), func(t *testing.T) {
				for at := 1; ; at++ {
					if !runFault(t, run, kind, at) {
						require.Greater(t, at, 1, "the path has no operation")
						return
					}
				}
			})
		}
	}
}

// runFault reports whether the operation was reached.
func runFault(t *testing.T, run func(*client) []int, kind paradisetest.FaultKind, at int) (reached bool) {
	files := memfs.New()
	files.Put("/dir/f", []byte("old content"))
	files.Put("/dir/p1", []byte("one "))
	files.Put("/dir/p2", []byte("two"))
	faults := &paradisetest.Faults{Driver: files, At: at, Kind: kind, Err: paradise.ErrNoSpace, Latency: time.Second}
	inMemory(t, func(srv *paradise.Server) { srv.Files = faults }, func(w *world) {
		w.files = files
		c := w.login()
		if final := run(c); final != nil {
			got := c.code()
			require.True(t, slices.Contains(final, got), "op %d (%s): reply %d", at, faults.Where(), got)
		}
		reached = faults.Operations() >= at
		// Whatever happened, the old file or the new one is there, whole.
		require.Contains(t, []string{"old content", "new content", "old content and more"}, w.content("/dir/f"))
		if !w.sessionEnded(c) {
			c.cmd(200, "NOOP")
			c.quit()
		}
		synctest.Wait()
	})
	return reached
}

// sessionEnded reports whether the server has let the session go, as it does
// when a driver blocks.
func (w *world) sessionEnded(c *client) bool {
	synctest.Wait()
	if len(w.srv.Stats().Sessions) > 0 {
		return false
	}
	io.Copy(io.Discard, c.r)
	c.conn.Close()
	return true
}
