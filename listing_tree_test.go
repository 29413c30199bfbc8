package paradise_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// lines are the lines of a listing, of LIST's only the names, comma by comma; ""
// is an empty line.
func (c *client) lines(command string) string {
	c.w.t.Helper()
	var names []string
	for line := range strings.Lines(c.list(command)) {
		line = strings.TrimSuffix(line, "\r\n")
		if len(line) > 52 && line[10:13] == " 1 " {
			line = line[52:]
		}
		names = append(names, line)
	}
	return strings.Join(names, ",")
}

func TestListingsRecurseAsLsDoes(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		for _, name := range []string{"/z", "/a b", "/s/x", "/s/t/deep", "/s/t/u/", "/s/q:/", "/empty/"} {
			w.files.Put(name, []byte("data"))
		}
		below := ",,./empty:,,./s:,q:,t,x,,./s/q::,,./s/t:,deep,u,,./s/t/u:"
		inS := "q:,t,x,,%[1]s/q::,,%[1]s/t:,deep,u,,%[1]s/t/u:"
		c := w.login()
		for command, want := range map[string]string{
			"LIST -R":         ".:,a b,empty,s,z" + below,
			"LIST -lR":        ".:,a b,empty,s,z" + below,
			"LIST -alR .":     ".:,a b,empty,s,z" + below,
			"LIST -R ./":      "./:,a b,empty,s,z" + below,
			"LIST -R s":       "s:," + fmt.Sprintf(inS, "s"),
			"LIST -R s/":      "s/:," + fmt.Sprintf(inS, "s"),
			"LIST -R /s":      "/s:," + fmt.Sprintf(inS, "/s"),
			"LIST -R /":       "/:,a b,empty,s,z" + strings.ReplaceAll(below, "./", "/"),
			"LIST -R empty":   "empty:",
			"LIST -R z":       "z",
			"LIST -Rd s":      "s",
			"LIST -R nope*":   "",
			"LIST -R [sz]":    "s,z,,s:," + fmt.Sprintf(inS, "s"),
			"LIST -R s/t*":    "t,,s/t:,deep,u,,s/t/u:",
			"LIST -R1 s/t":    "s/t:,deep,u,,s/t/u:",
			"LIST -Rr s":      "s:,x,t,q:,,s/t:,u,deep,,s/t/u:,,s/q::",
			"NLST -lR s/t":    "s/t:,deep,u,,s/t/u:",
			"NLST -R":         "a b,empty,s,z,s/q:,s/t,s/x,s/t/deep,s/t/u",
			"NLST -R s":       "s/q:,s/t,s/x,s/t/deep,s/t/u",
			"NLST -R /s":      "/s/q:,/s/t,/s/x,/s/t/deep,/s/t/u",
			"NLST -R s/t*":    "s/t,s/t/deep,s/t/u",
			"NLST -Rr [s]":    "s,s/x,s/t,s/q:,s/t/u,s/t/deep",
			"NLST -R z":       "z",
			"LIST -R s/../s/": "s/../s/:," + fmt.Sprintf(inS, "s/../s"),
		} {
			require.Equal(t, want, c.lines(command), command)
		}
		require.Contains(t, c.cmd(212, "STAT -R s"), " x\r\n212 End", "STAT lists one folder")
		c.quit()
	})
}

func TestNamesOfADeviceAreRelativeInARecursion(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.Device.NLSTNamesOnly = true }, func(w *world) {
		w.files.Put("/d/s/f", nil)
		c := w.login()
		require.Equal(t, "s,s/f", c.lines("NLST -R /d"))
		c.quit()
	})
}

// picky refuses some folders, one way or another.
type picky struct {
	paradise.FileDriver
	refuse map[string]error // by the folder's name
	midway bool             // after its entries
}

func (f picky) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	err := f.refuse[path.Base(dir)]
	l, lerr := f.FileDriver.List(ctx, s, dir)
	switch {
	case err == nil || lerr != nil:
		return l, lerr
	case !f.midway:
		return nil, err
	}
	return func(yield func(paradise.Entry, error) bool) {
		for e := range l {
			if !yield(e, nil) {
				return
			}
		}
		yield(paradise.Entry{}, err)
	}, nil
}

func TestFoldersThatAreRefusedAreLeftOut(t *testing.T) {
	for _, err := range []error{fs.ErrPermission, fs.ErrNotExist, paradise.ErrNotDir, &paradise.ReplyError{Code: 550, Text: "Not yours"}} {
		for _, midway := range []bool{false, true} {
			inMemory(t, func(srv *paradise.Server) {
				srv.Files = picky{srv.Files, map[string]error{"b": err}, midway}
			}, func(w *world) {
				w.files.Put("/a/1", nil)
				w.files.Put("/b/2", nil)
				w.files.Put("/c/3", nil)
				c := w.login()
				d := c.begin("LIST -R")
				listed, rerr := io.ReadAll(d)
				require.NoError(t, rerr)
				d.Close()
				require.Contains(t, c.expect(226), "left out 1 folder")
				require.Equal(t, midway, strings.Contains(string(listed), "./b:"), "no header of what was not opened")
				require.Regexp(t, `(?s)\r\n\r\n\./a:\r\n.* 1\r\n.*\r\n\./c:\r\n.* 3\r\n$`, string(listed))
				c.quit()
			})
		}
	}
}

func TestStorageThatFailsBelowEndsTheListing(t *testing.T) {
	for err, code := range map[error]int{io.ErrUnexpectedEOF: 451, paradise.ErrBusy: 450} {
		for _, midway := range []bool{false, true} {
			inMemory(t, func(srv *paradise.Server) {
				srv.Files = picky{srv.Files, map[string]error{"b": err}, midway}
			}, func(w *world) {
				w.files.Put("/b/2", nil)
				c := w.login()
				d := c.begin("LIST -R")
				io.Copy(io.Discard, d)
				d.Close()
				c.expect(code)
				c.quit()
			})
		}
	}
}

func TestLinksAndWhatCannotBeShownAreNotRecursedInto(t *testing.T) {
	entries := []paradise.Entry{
		{Name: "link", Mode: fs.ModeSymlink | 0o777, Target: "/"}, {Name: "a\r\nb", Mode: fs.ModeDir}, {Name: "f"},
	}
	inMemory(t, func(srv *paradise.Server) { srv.Files = arranged{srv.Files, entries} }, func(w *world) {
		c := w.login()
		require.Equal(t, ".:,link -> /,f", c.lines("LIST -R"))
		c.quit()
	})
}

// bottomless has a folder in each folder.
type bottomless struct {
	paradise.FileDriver
	width int
	open  *int
	most  *int
}

func (f bottomless) List(context.Context, *paradise.Session, string) (paradise.Listing, error) {
	return func(yield func(paradise.Entry, error) bool) {
		*f.open++
		*f.most = max(*f.most, *f.open)
		defer func() { *f.open-- }()
		for i := range f.width {
			if !yield(paradise.Entry{Name: fmt.Sprint(i), Mode: fs.ModeDir}, nil) {
				return
			}
		}
	}, nil
}

func TestRecursionIsBoundedInDepthAndInFolders(t *testing.T) {
	for width, want := range map[int]string{1: "left out 1 folder", 2: `left out \d{3,} folders`} {
		open, most := 0, 0
		inMemory(t, func(srv *paradise.Server) { srv.Files = bottomless{srv.Files, width, &open, &most} }, func(w *world) {
			c := w.login()
			d := c.begin("LIST -R")
			n, err := io.Copy(io.Discard, d)
			require.NoError(t, err)
			require.Less(t, n, int64(100<<20))
			d.Close()
			require.Regexp(t, want, c.expect(226))
			require.Equal(t, 1, most, "folders that are open at once")
			c.quit()
		})
	}
}

func TestRecursionIsForThoseWhoMayList(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.Deny = paradise.PermList }, func(w *world) {
		w.files.Put("/d/f", nil)
		c := w.login()
		c.epsv()
		c.cmd(550, "LIST -R")
		c.quit()
	})
}

func TestAbortIsHeardBetweenTwoFolders(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Files = crawling{srv.Files}; srv.Timeouts.Idle = 24 * time.Hour }, func(w *world) {
		for i := range 50 {
			w.files.Put(fmt.Sprintf("/%02d/x/", i), nil)
		}
		c := w.login()
		d := c.begin("NLST -R")
		go io.Copy(io.Discard, d)
		time.Sleep(70*time.Minute + time.Second)
		began := time.Now()
		c.send("ABOR")
		c.expect(426)
		c.expect(226)
		require.LessOrEqual(t, time.Since(began), time.Minute)
		d.Close()
		c.quit()
	})
}
