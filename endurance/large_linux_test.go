package endurance

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/needs"
)

// example builds the bundled server without the race detector, which needs much memory.
func example(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "paradise")
	cmd := exec.Command("go", "build", "-o", file, "./paradise")
	cmd.Dir = "../examples"
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return file
}

// exampleArgs serve a folder on a free port and nothing else.
func exampleArgs(dir string) []string {
	return []string{"-addr", "127.0.0.1:0", "-root", dir, "-monitor", "", "-abuse-limits", "off", "-log-level", "error"}
}

// peak returns the largest resident memory of a process so far, in bytes.
func peak(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(b)
	require.NotNil(t, m)
	kib, err := strconv.ParseInt(string(m[1]), 10, 64)
	require.NoError(t, err)
	return kib << 10
}

func TestLargeFilesNeedLittleMemory(t *testing.T) {
	const most = 40 << 20
	size := int64(scaled(10<<10)) << 20 // 10 GiB in full mode, 1 GiB otherwise
	dir := t.TempDir()
	server := start(t, exec.Command(example(t), exampleArgs(dir)...), "listening on:")
	c := must(t, server.addr)

	sparse := filepath.Join(dir, "down")
	require.NoError(t, os.WriteFile(sparse, nil, 0o644))
	require.NoError(t, os.Truncate(sparse, size))
	got, code := fetchAll(t, c, "RETR down")
	require.Equal(t, 226, code)
	require.Equal(t, size, got)
	t.Logf("%d MiB down: %d MiB resident at most", size>>20, peak(t, server.cmd.Process.Pid)>>20)

	d, err := c.data()
	require.NoError(t, err)
	require.NoError(t, c.want(150, "STOR up"))
	sent, err := io.Copy(d, io.LimitReader(endless{make([]byte, 1<<20)}, size))
	require.NoError(t, err)
	require.Equal(t, size, sent)
	require.NoError(t, d.Close())
	require.NoError(t, c.want(226, ""))
	fi, err := os.Stat(filepath.Join(dir, "up"))
	require.NoError(t, err)
	require.Equal(t, size, fi.Size())
	used := peak(t, server.cmd.Process.Pid)
	t.Logf("%d MiB up: %d MiB resident at most", size>>20, used>>20)
	require.Less(t, used, int64(most))
	require.NoError(t, c.quit())
}

// fetchAll downloads a file, discards it and returns its size.
func fetchAll(t *testing.T, c *client, command string) (n int64, code int) {
	t.Helper()
	d, err := c.data()
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, c.want(150, command))
	n, err = io.Copy(io.Discard, d)
	require.NoError(t, err)
	code, _, err = c.reply()
	require.NoError(t, err)
	return n, code
}

var sendfileCall = regexp.MustCompile(`sendfile\(.*= (\d+)$|<\.\.\. sendfile resumed>.*= (\d+)$`)

func TestPlainDownloadsUseSendfile(t *testing.T) {
	strace := needs.Program(t, "strace", "strace")
	const size = 8 << 20
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), content(random(t), size), 0o644))
	trace := filepath.Join(t.TempDir(), "trace")
	args := append([]string{"-f", "-qq", "-e", "trace=sendfile", "-o", trace, example(t)}, exampleArgs(dir)...)
	server := start(t, exec.Command(strace, args...), "listening on:")
	c := must(t, server.addr)
	n, code := fetchAll(t, c, "RETR f")
	require.Equal(t, 226, code)
	require.EqualValues(t, size, n)
	require.NoError(t, c.quit())
	stop(t, server)

	b, err := os.ReadFile(trace)
	require.NoError(t, err)
	var sent int64
	for line := range strings.Lines(string(b)) {
		m := sendfileCall.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		n, err := strconv.ParseInt(m[1]+m[2], 10, 64)
		require.NoError(t, err)
		sent += n
	}
	require.EqualValues(t, size, sent, "bytes that went by sendfile:\n%s", b)
}

// stop ends a server under strace gently. strace does not pass on SIGTERM, so stop sends it
// to the child.
func stop(t *testing.T, c *child) {
	t.Helper()
	pid := c.cmd.Process.Pid
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.Fields(string(b))[0])
	require.NoError(t, err)
	p, err := os.FindProcess(child)
	require.NoError(t, err)
	require.NoError(t, p.Signal(os.Interrupt))
	require.NoError(t, c.cmd.Wait())
}
