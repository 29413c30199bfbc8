package paradise_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

// slowFiles are files of ten bytes that take a second each.
type slowFiles struct{ *memfs.FS }

type slowFile struct{ left int }

func (slowFiles) Open(context.Context, *paradise.Session, string, int64) (io.ReadCloser, error) {
	return &slowFile{10}, nil
}

func (f *slowFile) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(time.Second)
	f.left--
	p[0] = 'x'
	return 1, nil
}

func (*slowFile) Close() error { return nil }

// slowly serves one such file.
func slowly(srv *paradise.Server) {
	files := srv.Files.(*memfs.FS)
	files.Put("/f", make([]byte, 10))
	srv.Files = slowFiles{files}
}

func TestAnAnswerThatNobodyAwaitsIsNotWorkedOut(t *testing.T) {
	for _, command := range []string{"HASH f", "XCRC f", "XMD5 f", "MD5 f", "XSHA256 f 0 9"} {
		inMemory(t, func(srv *paradise.Server) {
			slowly(srv)
			srv.Policy.AllowLostControl = true
		}, func(w *world) {
			c := w.login()
			c.send("%s", command)
			time.Sleep(500 * time.Millisecond)
			require.Len(t, w.srv.Stats().Sessions, 1)
			c.conn.Close()
			time.Sleep(time.Second)
			require.Empty(t, w.srv.Stats().Sessions, "%s goes on", command)
		})
	}
}

// As "printf ... | nc -N" does: whoever said QUIT awaits the answers.
func TestAnAnswerIsGivenToWhoSaidQuitAndClosedHisHalf(t *testing.T) {
	inMemory(t, slowly, func(w *world) {
		c := w.login()
		io.WriteString(c.conn, "HASH f\r\nQUIT\r\n")
		require.NoError(t, c.conn.CloseWrite())
		c.expect(213)
		c.expect(221)
		c.closed()
	})
}

func TestAQuitBeforeTheEndLetsACopyEnd(t *testing.T) {
	inMemory(t, slowly, func(w *world) {
		c := w.login()
		c.send("SITE COPY f g\r\nQUIT")
		synctest.Wait()
		c.conn.Close()
		time.Sleep(11 * time.Second)
		require.Equal(t, "xxxxxxxxxx", w.content("/g"))
	})
}

// The client that got its 221 need not have seen the end of the connection.
func TestWhoQuitsFindsHisPlacesFreeAtOnce(t *testing.T) {
	for rule, limit := range map[string]func(*paradise.Server){
		"sessions of an address": func(srv *paradise.Server) { srv.Limits.SessionsPerIP = 1 },
		"sessions of the server": func(srv *paradise.Server) { srv.Limits.Sessions = 1 },
		"sessions of a user":     func(srv *paradise.Server) { srv.Policy.MaxSessions = 1 },
	} {
		t.Run(rule, func(t *testing.T) {
			inMemory(t, func(srv *paradise.Server) {
				limit(srv)
				srv.Hooks.After = func(_ context.Context, _ *paradise.Session, verb, _ string, _ int) {
					if verb == "QUIT" {
						time.Sleep(time.Second) // the reply is out, the connection open
					}
				}
			}, func(w *world) {
				c := w.login()
				c.cmd(221, "QUIT")
				w.login().quit()
				c.closed()
			})
		})
	}
}
