package paradise_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// The log of an upload that a setting would have taken names the setting, its key and
// the clients that end all uploads so; that of any other ending names none.
func TestTheLogNamesTheSettingThatWouldHaveTakenAnUpload(t *testing.T) {
	const unclosed = "Policy.AllowUnclosedTLS takes them, key allow-unclosed-tls"
	const lost = "Policy.AllowLostControl takes them, key allow-lost-control"
	upload := func(w *world) (c *ftps, raw net.Conn, d *tls.Conn) {
		c = w.ftps().ready()
		raw = c.beginClear("STOR f")
		d = tls.Client(raw, c.config)
		io.WriteString(d, strings.Repeat("data", 1000))
		synctest.Wait()
		return c, raw, d
	}
	for name, k := range map[string]struct {
		play func(w *world)
		want string
	}{
		"a FIN without close_notify": {func(w *world) {
			c, raw, _ := upload(w)
			raw.Close()
			c.expect(426)
			c.quit()
		}, unclosed},
		"a FIN within a record": {func(w *world) {
			c, raw, _ := upload(w)
			raw.Write([]byte{23, 3, 3, 0, 100, 1})
			raw.Close()
			c.expect(426)
			c.quit()
		}, ""},
		"the control connection closed before the data": {func(w *world) {
			c, _, d := upload(w)
			c.raw.Close()
			synctest.Wait()
			d.Close()
			synctest.Wait()
		}, lost},
		"ABOR": {func(w *world) {
			c, _, d := upload(w)
			c.cmd(426, "ABOR")
			c.expect(226)
			d.Close()
			c.quit()
		}, ""},
		"a complete upload": {func(w *world) {
			c, _, d := upload(w)
			d.Close()
			c.expect(226)
			c.quit()
		}, ""},
		"a download whose client is gone": {func(w *world) {
			w.files.Put("/f", bytes.Repeat([]byte("x"), 1<<20))
			c := w.ftps().ready()
			d := c.begin("RETR f")
			require.NoError(t, d.Handshake())
			c.raw.Close()
			synctest.Wait()
			d.Close()
			synctest.Wait()
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			overTLS(t, func(srv *paradise.Server) { srv.Logger = slog.New(slog.NewTextHandler(&log, nil)) }, k.play)
			require.Contains(t, log.String(), "msg=transfer")
			require.Equal(t, k.want != "", strings.Contains(log.String(), "hint="), log.String())
			require.Contains(t, log.String(), k.want)
		})
	}
}
