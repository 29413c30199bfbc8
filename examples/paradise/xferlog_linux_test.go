package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// xferLines returns the lines of a file without time and duration, or none if there is no
// file.
func xferLines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	var lines []string
	for line := range strings.Lines(string(b)) {
		require.Regexp(t, `^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} \d+ 127\.0\.0\.1 \S.*\n$`, line)
		_, rest, _ := strings.Cut(line, " 127.0.0.1 ")
		lines = append(lines, strings.TrimSpace(rest))
	}
	return lines
}

func TestXferlogHasALineForEveryFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "xferlog")
	require.NoError(t,
		os.WriteFile(file, []byte("Wed Nov 25 12:00:00 2026 0 127.0.0.1 0 /old b _ i r auser ftp 0 * c\n"), 0o600))
	p := launch(t, "-xferlog", file)
	c := p.login()
	require.NoError(t, c.Stor("a", strings.NewReader("hello")))
	r, err := c.Retr("a")
	require.NoError(t, err)
	body, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, "hello", string(body))
	_, err = c.List("/")
	require.NoError(t, err)
	require.NoError(t, c.Stor("b", strings.NewReader("last words")))
	require.NoError(t, c.Quit())
	p.signal(syscall.SIGTERM)
	require.NoError(t, <-p.exited)
	assert.Equal(t, []string{
		"0 /old b _ i r auser ftp 0 * c",
		"5 /a b _ i r auser ftp 0 * c",
		"5 /a b _ o r auser ftp 0 * c",
		"10 /b b _ i r auser ftp 0 * c",
	}, xferLines(t, file), "appended, and whole when the process has ended")
}

func TestXferlogFollowsRotationInAllProcesses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "xferlog")
	p := launch(t, "-xferlog", file)
	u := p.upload(p.login(), "slow")
	p.restart()
	c := p.login()
	require.NoError(t, c.Stor("a", strings.NewReader("a")))
	p.until("the first line is there", func() bool { return len(xferLines(t, file)) == 1 })

	require.NoError(t, os.Rename(file, file+".1"))
	p.signal(syscall.SIGHUP)
	p.until("SIGHUP makes the new file", func() bool { _, err := os.Stat(file); return err == nil })
	require.NoError(t, c.Stor("b", strings.NewReader("bb")))
	p.until("the next line is in the new file", func() bool { return len(xferLines(t, file)) == 1 })
	require.NoError(t, u.finish())
	p.until("the old process has found it too", func() bool { return len(xferLines(t, file)) == 2 })
	assert.Equal(t, []string{"1 /a b _ i r auser ftp 0 * c"}, xferLines(t, file+".1"))
	assert.Equal(t, []string{"2 /b b _ i r auser ftp 0 * c", "5003 /slow b _ i r auser ftp 0 * c"}, xferLines(t, file))
}

func TestXferlogOutlivesAFolderThatIsLost(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.Mkdir(dir, 0o700))
	cfg := &config{xferlog: filepath.Join(dir, "xferlog")}
	x, err := openXferlog(cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer x.close()
	require.NoError(t, os.Rename(dir, dir+".old"))
	_, err = x.Write([]byte("one\n"))
	require.NoError(t, err, "better into the old file than nowhere")
	require.Error(t, x.reopen())
	require.NoError(t, os.Mkdir(dir, 0o700))
	_, err = x.Write([]byte("two\n"))
	require.NoError(t, err)
	for name, want := range map[string]string{dir + ".old": "one\n", dir: "two\n"} {
		b, err := os.ReadFile(filepath.Join(name, "xferlog"))
		require.NoError(t, err)
		assert.Equal(t, want, string(b))
	}
}

func TestXferlogIsAKeyAndLiesOutsideTheRoot(t *testing.T) {
	dir := t.TempDir()
	file, log := filepath.Join(dir, "paradise.toml"), filepath.Join(dir, "xferlog")
	require.NoError(t, os.WriteFile(file, []byte("xferlog = "+tomlString(log)+"\nroot = "+tomlString(filepath.Join(dir, "root"))+"\n"), 0o600))
	cfg, err := parseFlags([]string{"-config", file, "-check"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, log, cfg.xferlog)
	require.NoError(t, cfg.try(io.Discard))
	assert.NoFileExists(t, log, "a check opens nothing")

	_, err = parseFlags([]string{"-root", dir, "-xferlog", log}, io.Discard)
	assert.ErrorContains(t, err, "-xferlog lies below -root")
}
