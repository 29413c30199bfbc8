package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/needs"
	"github.com/paradiseftp/paradise/monitor"
)

// who returns the output of the subcommand.
func (p *program) who() string {
	var out strings.Builder
	require.NoError(p.t, who([]string{"-monitor", p.monitor}, &out, io.Discard))
	return out.String()
}

func TestWhoShowsSessionsAndTransfers(t *testing.T) {
	p := launch(t)
	require.Contains(t, p.who(), "0 client(s), 0 upload(s)")
	idle := p.login()
	u := p.upload(p.login(), "film.mkv")
	p.until("the first bytes have come", func() bool { return contains(p.who(), "4.9 KiB") })
	out := p.who()
	require.Contains(t, out, "2 client(s), 1 upload(s)")
	require.Regexp(t, `(?m)^ID +USER +ADDRESS +AGE +VERB +BYTES +RATE +DONE +FILE$`, out)
	require.Regexp(t, `(?m)^[0-9a-f]{6} +auser +127\.0\.0\.1:\d+ +00:00:\d\d +STOR +4\.9 KiB +.*/s +/film\.mkv$`, out)
	require.NoError(t, u.finish())
	require.NoError(t, idle.Quit())
	p.until("who has left is not shown", func() bool { return strings.HasPrefix(p.who(), "1 client(s), 0 upload(s)") })
}

func TestWhoSaysWhatIsWrong(t *testing.T) {
	require.ErrorContains(t, who([]string{"-monitor", "127.0.0.1:1"}, io.Discard, io.Discard),
		"refused: give the server's own -monitor")
	require.ErrorContains(t, who([]string{"now"}, io.Discard, io.Discard), "is no flag")
}

func TestHealthcheckTellsALivingServerFromNone(t *testing.T) {
	p := launch(t)
	require.NoError(t, healthcheck([]string{"-monitor", p.monitor}, io.Discard))
	require.NoError(t, healthcheck([]string{"-ready", "-monitor", p.monitor}, io.Discard))
	require.Error(t, healthcheck([]string{"-monitor", "127.0.0.1:1"}, io.Discard))
	u := p.upload(p.login(), "f")
	p.signal(syscall.SIGTERM)
	p.until("it lives but is not ready", func() bool {
		return healthcheck([]string{"-ready", "-monitor", p.monitor}, io.Discard) != nil
	})
	require.NoError(t, healthcheck([]string{"-monitor", p.monitor}, io.Discard))
	require.NoError(t, u.finish())
}

func TestHelpOfASubcommandHasItsFlagsAndWhatItDoes(t *testing.T) {
	viewers := []string{"monitor", "monitor-token", "monitor-token-file"}
	for name, flags := range map[string][]string{
		"who":           viewers,
		"top":           viewers,
		"healthcheck":   append([]string{"ready"}, viewers...),
		"hash-password": {"bcrypt", "argon2id"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), install(t), name, "-h")
			cmd.Env = append(os.Environ(), envMain+"=1")
			out, err := cmd.CombinedOutput()
			require.NoError(t, err)
			help := string(out)
			require.True(t, strings.HasPrefix(help, "Usage: paradise "+name+" [flags]\n"+name+" "), help)
			for _, f := range flags {
				require.Regexp(t, `(?m)^  -`+f+`( |$)`, help)
			}
			require.Equal(t, len(flags), strings.Count(help, "\n  -"), "and no others")
		})
	}
}

func TestTheReadyFlagIsAFlagLikeOthers(t *testing.T) {
	p := launch(t)
	for _, ready := range []string{"-ready", "--ready", "-ready=true"} {
		require.NoError(t, healthcheck([]string{"-monitor", p.monitor, ready}, io.Discard), ready)
		require.ErrorContains(t, healthcheck([]string{"-monitor", "127.0.0.1:1", ready}, io.Discard), "/readyz", ready)
	}
	require.ErrorContains(t, healthcheck([]string{"-monitor", "127.0.0.1:1", "-ready=false"}, io.Discard), "/healthz")
}

func TestAFrameFitsTheTerminal(t *testing.T) {
	text := strings.Repeat(strings.Repeat("ü", 200)+"\n", 50)
	for _, size := range [][2]int{{80, 24}, {20, 5}, {1, 1}, {300, 100}} {
		got := frame(text, size[0], size[1])
		lines := strings.Split(strings.TrimSuffix(strings.TrimPrefix(got, homeCursor), clearBelow), "\r\n")
		assert.LessOrEqual(t, len(lines), size[1])
		for _, l := range lines {
			assert.LessOrEqual(t, len([]rune(strings.TrimSuffix(l, clearLine))), size[0])
		}
	}
}

func TestTopDrawsAgainWhenTheTerminalChangesAndQuitsAtQ(t *testing.T) {
	keys := make(chan byte)
	drawn := make(chan string)
	width := make(chan int, 1)
	width <- 80
	size := func() (int, int) {
		w := <-width
		width <- w
		return w, 24
	}
	r, w := io.Pipe()
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, err := r.Read(b)
			if err != nil {
				close(drawn)
				return
			}
			drawn <- string(b[:n])
		}
	}()
	ended := make(chan error, 1)
	s := &screen{out: w, size: size, keys: keys}
	go func() {
		ended <- s.show(func() (*stats, error) {
			return &stats{Snapshot: monitor.Snapshot{Clients: 1, Sessions: []monitor.Session{{Short: "41949e", User: "auser"}}}},
				nil
		})
		w.Close()
	}()
	require.Contains(t, <-drawn, "41949e")
	<-width
	width <- 10
	narrow := false
	for !narrow {
		first, _, _ := strings.Cut(<-drawn, clearLine)
		narrow = len([]rune(strings.TrimPrefix(first, homeCursor))) == 10
	}
	go func() {
		for range drawn {
		}
	}()
	keys <- 'q'
	require.NoError(t, <-ended)
}

func TestTopWorksInTmux(t *testing.T) {
	tmux := needs.Program(t, "tmux", "tmux")
	p := launch(t)
	u := p.upload(p.login(), "film.mkv")
	socket := filepath.Join(t.TempDir(), "tmux")
	run := func(args ...string) string {
		cmd := exec.Command(tmux, append([]string{"-S", socket, "-f", "/dev/null"}, args...)...)
		cmd.Env = append(os.Environ(), envMain+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			return err.Error() + string(out)
		}
		return string(out)
	}
	t.Cleanup(func() { run("kill-server") })
	run("new-session", "-d", "-x", "100", "-y", "20", "sh")
	run("send-keys", envMain+"=1 "+p.path+" top -monitor "+p.monitor, "Enter")
	shows := func(what string) func() bool {
		return func() bool { return contains(run("capture-pane", "-p"), what) }
	}
	p.until("the transfer is shown", shows("/film.mkv"))
	require.NoError(t, u.finish())
	require.Eventually(t, func() bool { return !shows("STOR")() || shows(" 0 upload(s)")() }, patience,
		100*time.Millisecond)
	run("send-keys", "q")
	p.until("the shell is back", func() bool { return !shows("q quits")() })
}
