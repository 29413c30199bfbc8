package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests are about blocked logs: full pipes, readers that have gone, full disks.

// filler is the content of a full pipe before the first line of a log.
const filler = '.'

// fullPipe returns a pipe that accepts no further byte until somebody reads.
func fullPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var fds [2]int
	require.NoError(t, syscall.Pipe2(fds[:], syscall.O_CLOEXEC))
	r, w = os.NewFile(uintptr(fds[0]), "log's reader"), os.NewFile(uintptr(fds[1]), "log")
	t.Cleanup(func() { r.Close(); w.Close() })
	fill(t, fds[1])
	return r, w
}

// fill writes to a pipe until it takes no more, and leaves it blocking.
func fill(t *testing.T, fd int) {
	t.Helper()
	require.NoError(t, syscall.SetNonblock(fd, true))
	for n := 4096; n > 0; {
		_, err := syscall.Write(fd, []byte(strings.Repeat(string(filler), n)))
		if errors.Is(err, syscall.EAGAIN) {
			n /= 2
		}
	}
	require.NoError(t, syscall.SetNonblock(fd, false))
}

// works logs in, and uploads and downloads a file.
func works(t *testing.T, p *program) {
	t.Helper()
	c := p.login()
	require.NoError(t, c.Stor("f", strings.NewReader("hello")))
	r, err := c.Retr("f")
	require.NoError(t, err)
	body, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, "hello", string(body))
	require.NoError(t, c.Quit())
}

// ends stops the program and bounds how long it takes.
func ends(t *testing.T, p *program) {
	t.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case err := <-p.exited:
		require.NoError(t, err)
	case <-time.After(patience):
		require.FailNow(t, "SIGTERM does not end it")
	}
}

func TestALogThatNobodyReadsStopsNothing(t *testing.T) {
	_, log := fullPipe(t)
	p := launchInto(t, log)
	works(t, p)
	p.signal(syscall.SIGHUP)
	works(t, p)
	ends(t, p)
}

func TestARestartNeedsNoReaderOfTheLog(t *testing.T) {
	_, log := fullPipe(t)
	p := launchInto(t, log)
	u := p.upload(p.login(), "slow")
	old := p.pid()
	p.signal(syscall.SIGUSR2)
	p.until("a new process counts", func() bool { return p.pid() != old && p.pid() != 0 })
	works(t, p)
	require.NoError(t, u.finish())
	require.NoError(t, syscall.Kill(old, syscall.SIGTERM))
	require.NoError(t, <-p.exited)
	works(t, p)
	p.signal(syscall.SIGTERM)
	p.until("the new process ends", func() bool { return len(p.processes()) == 0 })
}

// lineOfLog matches a whole line of the log.
var lineOfLog = regexp.MustCompile(`^time=\S+ level=(DEBUG|INFO|WARN|ERROR) msg=("([^"\\]|\\.)*"|\S+)( [a-z_]+=("([^"\\]|\\.)*"|[^" ]*))*\n$`)

func TestALogThatIsReadAgainSaysWhatIsMissing(t *testing.T) {
	r, log := fullPipe(t)
	p := launchInto(t, log, "-trace-user", "auser")
	c := p.login()
	p.until("lines are dropped", func() bool {
		for range 500 {
			require.NoError(t, c.NoOp())
		}
		return p.gauge(`paradise_log_lines_dropped_total{log="log"}`) > 0
	})
	log.Close()
	told, said := make(chan struct{}), make(chan string)
	go func() {
		var all strings.Builder
		lines := bufio.NewReader(r)
		for {
			line, err := lines.ReadString('\n')
			all.WriteString(line)
			if strings.Contains(line, " dropped=") {
				close(told)
			}
			if err != nil {
				said <- all.String()
				return
			}
		}
	}()
	<-told
	dropped := p.gauge(`paradise_log_lines_dropped_total{log="log"}`)
	require.NoError(t, c.Quit())
	works(t, p)
	ends(t, p)

	text := strings.TrimLeft(<-said, string(filler))
	last := ""
	for line := range strings.Lines(text) {
		require.Regexp(t, lineOfLog, line)
		last = line
	}
	assert.Contains(t, last, "msg=stopped")
	gap := regexp.MustCompile(`level=WARN msg="lines of the log dropped: nobody read it" pid=\d+ dropped=(\d+) total=(\d+)\n`).FindAllStringSubmatch(text, -1)
	require.Len(t, gap, 1)
	assert.Equal(t, []string{strconv.Itoa(dropped), strconv.Itoa(dropped)}, gap[0][1:])
	before, after, _ := strings.Cut(text, " dropped=")
	assert.Contains(t, before, "msg=serving")
	assert.Contains(t, after, "msg=transfer", "what came later follows")
	assert.NotContains(t, before, "msg=transfer")
}

func TestALogWhoseReaderHasGoneStopsNothing(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	p := launchInto(t, w)
	r.Close()
	works(t, p)
	works(t, p)
	ends(t, p)
}

func TestAFullDiskStopsNothing(t *testing.T) {
	log, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer log.Close()
	p := launchInto(t, log, "-xferlog", "/dev/full")
	works(t, p)
	works(t, p)
	ends(t, p)
}

// refused runs the program with a configuration that cannot be served, and returns
// how it ended.
func refused(t *testing.T, log *os.File) error {
	t.Helper()
	cmd := exec.Command(install(t), "-addr", "127.0.0.1:0", "-monitor", "", "-root", t.TempDir(), "-htpasswd",
		"/nowhere/at/all")
	cmd.Env = append(os.Environ(), envMain+"=1")
	cmd.Stderr = log
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		cmd.Process.Kill()
		<-ended
		require.FailNow(t, "it does not end")
		return nil
	}
}

func TestTheLastWordWaitsForNobody(t *testing.T) {
	_, log := fullPipe(t)
	require.Error(t, refused(t, log))

	name := filepath.Join(t.TempDir(), "log")
	file, err := os.Create(name)
	require.NoError(t, err)
	defer file.Close()
	require.Error(t, refused(t, file))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^paradise: .*/nowhere/at/all.*\n\z`, string(text))
}

func TestAnXferlogThatNobodyReadsStopsNothing(t *testing.T) {
	name := filepath.Join(t.TempDir(), "xferlog")
	require.NoError(t, syscall.Mkfifo(name, 0o600))
	p := launch(t, "-xferlog", name)
	works(t, p)
	p.signal(syscall.SIGHUP)
	p.logged("configuration loaded", 1)
	works(t, p)

	r, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	defer r.Close()
	lines := bufio.NewScanner(r)
	for range 4 {
		require.True(t, lines.Scan(), "a reader that comes late gets them all")
		require.Regexp(t, ` 127\.0\.0\.1 5 /f b _ [io] r auser ftp 0 \* c$`, lines.Text())
	}

	fill(t, int(r.Fd()))
	works(t, p)
	p.signal(syscall.SIGHUP)
	p.logged("configuration loaded", 2)
	works(t, p)
	ends(t, p)
}
