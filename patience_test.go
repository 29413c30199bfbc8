package paradise_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// Storage that is slow and never stands still: each step of it takes a while, the
// whole of them longer than Timeouts.Driver.

// plodding takes its time for each step and knows no offsets.
type plodding struct {
	paradise.FileDriver
	pause time.Duration
	names int // of a folder
	hang  int // at this entry; 0: never
	piece int // bytes of a read
}

func (f plodding) Features(s *paradise.Session) paradise.Features {
	return f.FileDriver.Features(s) | paradise.FeatureLinks
}

func (f plodding) List(ctx context.Context, _ *paradise.Session, _ string) (paradise.Listing, error) {
	return func(yield func(paradise.Entry, error) bool) {
		for i := range f.names {
			if f.hang > 0 && i == f.hang {
				<-ctx.Done()
				yield(paradise.Entry{}, ctx.Err())
				return
			}
			time.Sleep(f.pause)
			if !yield(paradise.Entry{Name: fmt.Sprintf("%05d", i)}, nil) {
				return
			}
		}
	}, nil
}

func (f plodding) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	time.Sleep(f.pause)
	return f.FileDriver.Stat(ctx, s, name)
}

func (f plodding) Open(ctx context.Context, s *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	if offset > 0 {
		return nil, errors.ErrUnsupported
	}
	r, err := f.FileDriver.Open(ctx, s, name, 0)
	return plodReader{r, f}, err
}

type plodReader struct {
	io.ReadCloser
	f plodding
}

func (r plodReader) Read(p []byte) (int, error) {
	time.Sleep(r.f.pause)
	return r.ReadCloser.Read(p[:min(len(p), r.f.piece)])
}

func (f plodding) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	up, err := f.FileDriver.Store(ctx, s, name, o)
	return plodStore{up, f}, err
}

type plodStore struct {
	paradise.Upload
	f plodding
}

func (u plodStore) Write(p []byte) (int, error) {
	time.Sleep(u.f.pause)
	return u.Upload.Write(p)
}

func (u plodStore) Commit(ctx context.Context) error {
	time.Sleep(u.f.pause)
	return u.Upload.Commit(ctx)
}

func (f plodding) Copy(context.Context, *paradise.Session, string, string, paradise.CopyOptions) error {
	return errors.ErrUnsupported
}

func (f plodding) Mkdir(ctx context.Context, s *paradise.Session, name string) error {
	time.Sleep(f.pause)
	return f.FileDriver.Mkdir(ctx, s, name)
}

func (f plodding) Remove(ctx context.Context, s *paradise.Session, name string) error {
	time.Sleep(f.pause)
	return f.FileDriver.Remove(ctx, s, name)
}

// inSlowMotion runs a test over storage whose every step takes pause.
func inSlowMotion(t *testing.T, f plodding, test func(w *world)) {
	inMemory(t, func(srv *paradise.Server) {
		f.FileDriver = srv.Files
		srv.Files = f
		srv.Timeouts.Idle = 24 * time.Hour
	}, test)
}

func TestAListingMayTakeLongerThanTheDriversLimit(t *testing.T) {
	for _, command := range []string{"LIST *.zip", "NLST *.zip", "LIST -t *.zip", "LIST -rR *.zip", "NLST -S", "MLSD"} {
		inSlowMotion(t, plodding{pause: 10 * time.Millisecond, names: 30_000}, func(w *world) {
			c := w.login()
			began := time.Now()
			listed := c.list(command)
			require.Equal(t, strings.Contains(command, "zip"), listed == "", command)
			require.GreaterOrEqual(t, time.Since(began), 5*time.Minute)
			c.quit()
		})
	}
}

func TestAbortIsHeardBetweenTwoEntriesThatAreNotShown(t *testing.T) {
	for _, command := range []string{"LIST *.zip", "NLST -t *.zip", "LIST -R *.zip"} {
		inSlowMotion(t, plodding{pause: time.Minute, names: 30_000}, func(w *world) {
			c := w.login()
			d := c.begin(command)
			time.Sleep(10*time.Minute + time.Second)
			began := time.Now()
			c.send("ABOR")
			c.expect(426)
			c.expect(226)
			require.LessOrEqual(t, time.Since(began), time.Minute)
			d.Close()
			c.quit()
		})
	}
}

func TestAListingThatHangsAfterSomeEntriesIsGivenUp(t *testing.T) {
	for _, command := range []string{"LIST", "NLST -t", "MLSD", "LIST *.zip", "LIST -R"} {
		inSlowMotion(t, plodding{pause: time.Minute, names: 100, hang: 5}, func(w *world) {
			c := w.login()
			d := c.begin(command)
			began := time.Now()
			c.expect(426)
			require.InDelta(t, 7*60, time.Since(began).Seconds(), 3)
			d.Close()
			c.quit()
		})
	}
}

// A client that takes nothing is not taken for a driver that does not answer.
func TestAClientThatTakesNoListingIsNoFaultOfTheDriver(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Files = plodding{FileDriver: srv.Files, names: 100_000}
		srv.Timeouts.Stall, srv.Timeouts.Driver = time.Hour, time.Minute
	}, func(w *world) {
		c := w.login()
		d := c.begin("LIST")
		time.Sleep(30 * time.Minute)
		_, err := io.Copy(io.Discard, d)
		require.NoError(t, err)
		d.Close()
		c.expect(226)
		c.quit()
	})
}

func TestWorkOnFilesMayTakeLongerThanTheDriversLimit(t *testing.T) {
	const size = 300_000
	for command, code := range map[string]int{
		"XCRC f 299000 300000":    250,
		"HASH f":                  213,
		"SITE COPY f g":           250,
		`COMB "g" "f" "h" "i"`:    250,
		"SITE CPTO g":             250,
		"XSHA256 f 299999 300000": 250,
	} {
		inSlowMotion(t, plodding{pause: 50 * time.Second, piece: 100_000}, func(w *world) {
			for _, name := range []string{"/f", "/h", "/i"} {
				w.files.Put(name, make([]byte, size))
			}
			c := w.login()
			if strings.Contains(command, "CPTO") {
				c.cmd(350, "SITE CPFR f")
			}
			c.cmd(code, "%s", command)
			c.cmd(200, "NOOP")
			c.quit()
		})
	}
}

func TestAbortIsHeardWhileAFileIsSkipped(t *testing.T) {
	inSlowMotion(t, plodding{pause: time.Minute, piece: 1000}, func(w *world) {
		w.files.Put("/f", make([]byte, 300_000))
		c := w.login()
		c.send("XCRC f 299000 300000")
		time.Sleep(time.Hour)
		began := time.Now()
		c.send("ABOR")
		c.expect(426)
		c.expect(226)
		require.LessOrEqual(t, time.Since(began), time.Minute)
		c.quit()
	})
}

// Handlers that ask again and again: each question has a limit of its own.
func TestAHandlerMayAskMoreOftenThanTheDriversLimitLasts(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Files = plodding{FileDriver: srv.Files, pause: 50 * time.Second}
		device := &srv.Policy.Device
		device.MakeParents, device.RenameUploads, device.MkdExistingOK = true, true, true
		srv.Timeouts.Idle = 24 * time.Hour
	}, func(w *world) {
		c := w.login()
		c.cmd(257, "MKD /a/b/c/d/e")
		for i := range 20 {
			name := "/f"
			if i > 0 {
				name = fmt.Sprintf("/f.%d", i)
			}
			w.files.Put(name, []byte("x"))
		}
		d := c.begin("STOR f")
		io.WriteString(d, "data")
		d.Close()
		c.expect(226)
		require.Equal(t, "data", w.content("/f.20"))
		c.quit()
	})
}

// RNFR looks for a link in a listing; a tree is removed entry by entry.
func TestLookingForALinkMayTakeLongerThanTheDriversLimit(t *testing.T) {
	inSlowMotion(t, plodding{pause: 10 * time.Millisecond, names: 30_000}, func(w *world) {
		c := w.login()
		c.cmd(550, "RNFR missing")
		c.cmd(200, "NOOP")
		c.quit()
	})
}

func TestATreeMayTakeLongerToRemoveThanTheDriversLimit(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Files = crawling{srv.Files}
		srv.Policy.GrantTree = true
		srv.Timeouts.Idle = 24 * time.Hour
	}, func(w *world) {
		for i := range 5 {
			w.files.Put(fmt.Sprintf("/d/%d/f", i), []byte("x"))
		}
		c := w.login()
		c.cmd(250, "RMDA /d")
		w.missing("/d/0/f")
		c.cmd(200, "NOOP")
		c.quit()
	})
}

// crawling lists what there is, an entry in a minute.
type crawling struct{ paradise.FileDriver }

func (f crawling) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	l, err := f.FileDriver.List(ctx, s, dir)
	if err != nil {
		return nil, err
	}
	return func(yield func(paradise.Entry, error) bool) {
		for e, err := range l {
			time.Sleep(time.Minute)
			if !yield(e, err) {
				return
			}
		}
	}, nil
}

// What was published stays so, though the storage is slow to tell of it.
func TestACommitIsNotTakenBackByAQuestionAfterIt(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Files = plodding{FileDriver: srv.Files, pause: 80 * time.Second}
		srv.Policy.Digests = paradise.DigestCRC32
	}, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		io.WriteString(d, "data")
		d.Close()
		c.expect(226)
		c.quit()
	})
}

// Clients have limits too: what a slow storage has told is not held back.
func TestEntriesOfASlowStorageAreSentAsTheyCome(t *testing.T) {
	inSlowMotion(t, plodding{pause: 10 * time.Second, names: 200}, func(w *world) {
		c := w.login()
		d := c.begin("NLST")
		lines := bufio.NewScanner(d)
		for last := time.Now(); lines.Scan(); last = time.Now() {
			require.LessOrEqual(t, time.Since(last), 21*time.Second)
		}
		d.Close()
		c.expect(226)
		c.quit()
	})
}
