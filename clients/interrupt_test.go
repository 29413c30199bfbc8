//go:build unix

package clients_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

// slow is a rate at which a test has time to interrupt: 30 MB would take a minute.
func slow(srv *paradise.Server) {
	srv.Policy.UploadRate, srv.Policy.DownloadRate = 512<<10, 512<<10
}

// slowly is like alone, with a slow server.
func slowly(t *testing.T, c *client, mode tlsMode, data map[string][]byte) (*site, *visit) {
	c.need(t)
	s := newSite(t, newAuthority(t), mode, slow)
	at, ok := c.first(mode)
	require.True(t, ok)
	return s, s.visit(t, c, at, newFileSet(t, data))
}

// awaitRunning waits until a transfer is moving bytes, or until none runs.
func (s *site) awaitRunning(t *testing.T, want bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		running, moving := false, false
		for _, ses := range s.srv.Stats().Sessions {
			running = running || ses.Transfer != nil
			moving = moving || ses.Transfer != nil && ses.Transfer.Bytes > 0
		}
		return want && moving || !want && !running
	}, limit, 5*time.Millisecond, "a transfer running: %v", want)
}

// If curl is interrupted or killed, nothing of its upload is left, and the old file stays.
func TestCurlDies(t *testing.T) {
	for _, mode := range []tlsMode{plain, tls13} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
			t.Run(fmt.Sprintf("%s %v", mode, sig), func(t *testing.T) {
				t.Parallel()
				s, v := slowly(t, curlClient(), mode, map[string][]byte{"new.bin": noise(1, 30<<20)})
				old := []byte("the old version")
				require.NoError(t, os.WriteFile(s.remoteFile(v, "old.bin"), old, 0o600))
				for _, name := range []string{"new.bin", "old.bin"} {
					op := fmt.Sprintf("url = %q\nupload-file = %s\n", v.url(name), curlQuote(v.local("new.bin")))
					config, err := v.write("curl.conf", curlOptions(v)+op)
					require.NoError(t, err)
					ctx, cancel := context.WithTimeout(t.Context(), limit)
					defer cancel()
					cmd := command(ctx, v.home, "curl", "-q", "-K", config)
					require.NoError(t, cmd.Start())
					s.awaitRunning(t, true)
					require.NoError(t, cmd.Process.Signal(sig))
					require.Error(t, cmd.Wait())
					s.awaitRunning(t, false)
				}
				check(t, s.remoteFile(v, "old.bin"), old, "the old version")
				entries, err := os.ReadDir(s.path(v.remote))
				require.NoError(t, err)
				assert.Len(t, entries, 1, "nothing of the new file")
			})
		}
	}
}

// terminal is a program at a pseudo-terminal of its own, where ^C is a signal.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	screen *syncBuffer
}

func openTerminal(t *testing.T, v *visit, line string) *terminal {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	cmd := command(ctx, v.home, "script", "-q", "-c", line, "/dev/null")
	cmd.Env = append(cmd.Env, "SHELL=/bin/sh")
	x := &terminal{t: t, cmd: cmd, screen: &syncBuffer{}}
	cmd.Stdout, cmd.Stderr = x.screen, x.screen
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	x.in = in
	require.NoError(t, cmd.Start())
	return x
}

// keys types keys, and waits until the screen has shown a text so many times.
func (x *terminal) keys(text, shows string, times int) {
	x.t.Helper()
	_, err := io.WriteString(x.in, text)
	require.NoError(x.t, err, x.screen)
	x.await(shows, times)
}

func (x *terminal) await(shows string, times int) {
	x.t.Helper()
	require.Eventually(x.t, func() bool { return strings.Count(x.screen.String(), shows) >= times },
		limit, 5*time.Millisecond, "%d x %q on the screen", times, shows)
	if x.t.Failed() {
		x.t.Log(x.screen)
	}
}

// shell is an ftp program at a terminal, logged in.
func shell(t *testing.T, c *client, data map[string][]byte) (*site, *visit, *terminal) {
	c.need(t)
	needs.Program(t, "script", "bsdutils")
	s, v := slowly(t, c, plain, data)
	x := openTerminal(t, v, fmt.Sprintf("%s -n -i -v -p %s %s", c.name, v.host, v.port))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("screen:\n%s\n%v", x.screen, s.seen.seen(c.name))
		}
	})
	x.await("220 ", 1)
	x.keys(bsdLogin(v, c.name), "200 Type set to binary", 1)
	return s, v, x
}

// ^C in the ftp programs aborts a download by a Telnet Synch with urgent data and
// ABOR; the session goes on.
func TestInterruptKey(t *testing.T) {
	for _, row := range []struct {
		*client
		times int
	}{
		{tnftpClient(), 2},
		{inetutilsClient(), 1}, // after the first it has SIGINT blocked
	} {
		t.Run(row.name, func(t *testing.T) {
			c := row.client
			t.Parallel()
			small := []byte("small")
			s, v, x := shell(t, c, map[string][]byte{"small.bin": small})
			require.NoError(t, os.WriteFile(s.remoteFile(v, "there.bin"), noise(2, 30<<20), 0o600))
			for times := 1; times <= row.times; times++ {
				x.keys(fmt.Sprintf("get there.bin %s\n", bsdQuote(v.fetched("there.bin"))), "150 ", times)
				s.awaitRunning(t, true)
				x.keys("\x03", "\n226 Abort successful", times)
				s.awaitRunning(t, false)
			}
			assert.Equal(t, row.times, strings.Count(x.screen.String(), "\n426 "))
			assert.EqualValues(t, row.times, s.srv.Stats().Commands["ABOR"])
			x.keys(fmt.Sprintf("put %s small.bin\n", bsdQuote(v.local("small.bin"))), "received 5 bytes", 1)
			x.keys("quit\n", "221 ", 1)
			require.NoError(t, x.cmd.Wait())
			check(t, s.remoteFile(v, "small.bin"), small, "sent after the aborts")
		})
	}
}

// ^C during tnftp's put sends no ABOR: it closes the data connection, which in
// stream mode is the end of the file (RFC 959, 3.4.1). No server can tell the difference. This
// test fails if tnftp ever sends ABOR. TLS and ALLO help other clients.
func TestInterruptKeyOfUpload(t *testing.T) {
	c := tnftpClient()
	s, v, x := shell(t, c, map[string][]byte{"big.bin": noise(1, 30<<20)})
	x.keys(fmt.Sprintf("put %s big.bin\n", bsdQuote(v.local("big.bin"))), "150 ", 1)
	s.awaitRunning(t, true)
	x.keys("\x03", "\n226 OK, received ", 1)
	x.keys("quit\n", "221 ", 1)
	require.NoError(t, x.cmd.Wait())
	assert.Zero(t, s.srv.Stats().Commands["ABOR"])
	part, err := os.Stat(s.remoteFile(v, "big.bin"))
	require.NoError(t, err)
	assert.Less(t, part.Size(), int64(30<<20))
}
