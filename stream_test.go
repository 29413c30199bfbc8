package paradise_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// endless is a folder whose listing waits, after its first entries, for the
// client to have seen one.
type endless struct {
	paradise.UnimplementedFileDriver
	entries int
	seen    chan struct{} // nil: does not wait
}

func (e *endless) List(context.Context, *paradise.Session, string) (paradise.Listing, error) {
	return func(yield func(paradise.Entry, error) bool) {
		for i := range e.entries {
			if i == 1000 && e.seen != nil {
				<-e.seen
			}
			if !yield(paradise.Entry{Name: fmt.Sprintf("file-%07d", i), Mode: 0o644, ModTime: time.Unix(1e9, 0)}, nil) {
				return
			}
		}
	}, nil
}

func TestAListingIsSentWhileItIsRead(t *testing.T) {
	for _, verb := range []string{"LIST", "NLST", "MLSD"} {
		files := &endless{entries: 2000}
		inMemory(t, func(srv *paradise.Server) {
			files.seen = make(chan struct{}) // of the bubble
			srv.Files = files
		}, func(w *world) {
			c := w.login()
			d := c.begin("%s", verb)
			r := bufio.NewReader(d)
			_, err := r.ReadString('\n')
			require.NoError(t, err)
			close(files.seen)
			n, err := io.Copy(io.Discard, r)
			require.NoError(t, err)
			require.Greater(t, n, int64(1999*13))
			d.Close()
			c.expect(226)
			c.quit()
		})
	}
}

func TestAListingTakesNoMoreMemoryForAMillionEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("a million entries")
	}
	inMemory(t, func(srv *paradise.Server) { srv.Files = &endless{entries: 1_000_000} }, func(w *world) {
		c := w.login()
		d := c.begin("LIST")
		var before, now, most runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		buf := make([]byte, 1<<20)
		for i := 0; ; i++ {
			_, err := io.ReadFull(d, buf)
			if i%16 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				if now.HeapAlloc > most.HeapAlloc {
					most = now
				}
			}
			if err != nil {
				break
			}
		}
		d.Close()
		c.expect(226)
		c.quit()
		require.Less(t, int64(most.HeapAlloc)-int64(before.HeapAlloc), int64(2<<20))
	})
}

func TestStreamUploadHandsTheBytesToAReader(t *testing.T) {
	type result struct {
		data string
		err  error
		info paradise.UploadInfo
	}
	upload := func(put func(context.Context, paradise.UploadInfo, io.Reader) error, end func(c *client, d io.WriteCloser)) {
		files := &sink{put: put}
		inMemory(t, func(srv *paradise.Server) { srv.Files = files }, func(w *world) {
			c := w.login()
			d := c.begin("STOR f.txt")
			end(c, d)
			d.Close()
			c.quit()
		})
	}
	got := make(chan result, 1)
	read := func(_ context.Context, u paradise.UploadInfo, r io.Reader) error {
		b, err := io.ReadAll(r)
		got <- result{string(b), err, u}
		return err
	}
	t.Run("io.EOF comes at Commit only", func(t *testing.T) {
		upload(read, func(c *client, d io.WriteCloser) {
			io.WriteString(d, "hello world")
			d.Close()
			c.expect(226)
		})
		res := <-got
		require.NoError(t, res.err)
		require.Equal(t, "hello world", res.data)
		require.Equal(t, "text/plain", res.info.ContentType)
	})
	t.Run("an abort is an error with its cause", func(t *testing.T) {
		upload(read, func(c *client, d io.WriteCloser) {
			d.Write(make([]byte, 600))
			synctest.Wait() // put has begun
			c.send("ABOR")
			c.expect(426)
			c.expect(226)
		})
		require.ErrorIs(t, (<-got).err, paradise.ErrAborted)
	})
	t.Run("what put returns is what the client gets", func(t *testing.T) {
		upload(func(context.Context, paradise.UploadInfo, io.Reader) error { return paradise.ErrQuota }, func(c *client, d io.WriteCloser) {
			io.WriteString(d, "x")
			d.Close()
			c.expect(552)
		})
	})
	t.Run("a panic in put is 451", func(t *testing.T) {
		upload(func(context.Context, paradise.UploadInfo, io.Reader) error { panic("boom") }, func(c *client, d io.WriteCloser) {
			io.WriteString(d, "x")
			d.Close()
			c.expect(451)
		})
	})
	t.Run("a put that has enough ends well", func(t *testing.T) {
		upload(func(_ context.Context, _ paradise.UploadInfo, r io.Reader) error {
			_, err := io.CopyN(io.Discard, r, 1)
			return err
		}, func(c *client, d io.WriteCloser) {
			d.Write(make([]byte, 5000))
			d.Close()
			c.expect(226)
		})
	})
}

// sink is a driver that only takes uploads.
type sink struct {
	paradise.UnimplementedFileDriver
	put func(context.Context, paradise.UploadInfo, io.Reader) error
}

func (s *sink) Store(ctx context.Context, _ *paradise.Session, _ string, _ paradise.StoreOptions) (paradise.Upload, error) {
	return paradise.StreamUpload(ctx, s.put), nil
}

func TestAnUploadOnlyDriverServesWhatDevicesTry(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Files = &sink{put: func(_ context.Context, _ paradise.UploadInfo, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		}}
	}, func(w *world) {
		c := w.login()
		c.cmd(250, "CWD /any/folder")
		c.cmd(502, "MKD x")
		c.cmd(502, "SIZE f")
		c.cmd(350, "REST 0")
		c.cmd(502, "REST 5")
		d := c.begin("LIST")
		list, _ := io.ReadAll(d)
		d.Close()
		c.expect(226)
		require.Empty(t, list)
		require.NotContains(t, c.cmd(211, "FEAT"), "REST")
		d = c.begin("STOR f")
		io.WriteString(d, "x")
		d.Close()
		c.expect(226)
		c.quit()
	})
}
