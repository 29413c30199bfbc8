package paradise_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// A client that takes a little again and again does not stall, however long one
// write of ours takes.
func TestADownloadGoesOnWhileBytesMove(t *testing.T) {
	const size, step, pause = 400_000, 1000, 10 * time.Second
	for _, kind := range []string{"I", "A"} {
		inMemory(t, func(srv *paradise.Server) { srv.Timeouts.Stall, srv.Timeouts.Idle = time.Minute, 24*time.Hour }, func(w *world) {
			w.files.Put("/f", []byte(strings.Repeat("x", size)))
			c := w.login()
			c.cmd(200, "TYPE %s", kind)
			d := c.begin("RETR f")
			got := 0
			for buf := make([]byte, step); ; time.Sleep(pause) {
				n, err := d.Read(buf)
				if got += n; err != nil {
					break
				}
			}
			c.expect(226)
			require.Equal(t, size, got)
			d.Close()
			c.quit()
		})
	}
}

func TestADownloadStallsWhenNothingMoves(t *testing.T) {
	for _, kind := range []string{"I", "A"} {
		inMemory(t, func(srv *paradise.Server) { srv.Timeouts.Stall = time.Minute }, func(w *world) {
			w.files.Put("/f", []byte(strings.Repeat("x", 10<<20)))
			c := w.login()
			c.cmd(200, "TYPE %s", kind)
			d := c.begin("RETR f")
			began := time.Now()
			c.expect(426)
			require.InDelta(t, time.Minute, time.Since(began), float64(10*time.Second))
			d.Close()
			c.quit()
		})
	}
}

func TestARefusedUploadIsReadOnThoughQuitWaits(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.MaxFileSize = 1000 }, func(w *world) {
		c := w.login()
		d := w.data(clientAddr, c.epsv())
		io.WriteString(c.conn, "STOR f\r\nQUIT\r\n")
		c.expect(150)
		synctest.Wait() // QUIT is in the queue
		sent, err := io.Copy(d, io.LimitReader(zeros{}, 1<<20))
		require.NoError(t, err)
		require.EqualValues(t, 1<<20, sent)
		d.Close()
		c.expect(552)
		c.expect(221)
		c.closed()
	})
}
