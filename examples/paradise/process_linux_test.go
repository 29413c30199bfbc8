package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jlaffaye/ftp"
	"github.com/stretchr/testify/require"
)

// The test binary is also the program under test: with this variable set it runs paradise.
const envMain = "PARADISE_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(envMain) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// full reports whether the tests run at full size; otherwise they are scaled down to seconds.
func full() bool { return os.Getenv("PARADISE_FULL") != "" }

// patience bounds the wait for events that must happen, even on a slow machine.
const patience = 30 * time.Second

// program is paradise as a process, and its successors.
type program struct {
	t       *testing.T
	path    string // of the executable
	root    string
	pidFile string
	cmd     *exec.Cmd
	addr    string // control
	implTLS string // implicit TLS
	monitor string
	stderr  logFile
	exited  chan error // of the first process
	silent  chan struct{}
}

// logFile is what all generations write to.
type logFile string

func (l logFile) String() string {
	b, err := os.ReadFile(string(l))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// install creates a copy of the executable, which a test may replace.
func install(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "paradise")
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, path))
	return path
}

// launch starts paradise with a free port for everything and waits until it
// serves.
func launch(t *testing.T, args ...string) *program {
	t.Helper()
	name := filepath.Join(t.TempDir(), "log")
	log, err := os.Create(name)
	require.NoError(t, err)
	defer log.Close()
	p := launchInto(t, log, args...)
	p.stderr = logFile(name)
	return p
}

// launchInto starts paradise with log as its standard error.
func launchInto(t *testing.T, log *os.File, args ...string) *program {
	t.Helper()
	dir := t.TempDir()
	p := &program{t: t, path: install(t), root: filepath.Join(dir, "root"), pidFile: filepath.Join(dir, "pid"),
		exited: make(chan error, 1), silent: make(chan struct{})}
	p.cmd = exec.Command(p.path, append([]string{"-addr", "127.0.0.1:0", "-monitor", "127.0.0.1:0",
		"-root", p.root, "-pid-file", p.pidFile}, args...)...)
	p.cmd.Env = append(os.Environ(), envMain+"=1", "TMPDIR="+dir)
	p.stderr = logFile(log.Name())
	p.cmd.Stderr = log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // all generations are one group
	r, w, err := os.Pipe()
	require.NoError(t, err)
	p.cmd.Stdout = w
	require.NoError(t, p.cmd.Start())
	w.Close()
	t.Cleanup(p.kill)
	p.welcomed(r)
	go func() { p.exited <- p.cmd.Wait() }()
	return p
}

// welcomed reads what the program prints at its start, up to the monitor.
func (p *program) welcomed(r *os.File) {
	p.t.Helper()
	told := make(chan string)
	go func() {
		defer close(p.silent)
		defer r.Close()
		defer close(told)
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			told <- lines.Text()
		}
	}()
	for line := range told {
		fields := strings.Fields(line)
		last := fields[len(fields)-1]
		switch fields[0] {
		case "listening":
			p.addr = last
		case "implicit":
			p.implTLS = last
		case "see:":
			p.monitor = strings.Trim(strings.TrimPrefix(last, "http:"), "/")
			go func() {
				for range told {
				}
			}()
			return
		}
	}
	require.FailNow(p.t, "the program does not serve", p.stderr.String())
}

func (p *program) kill() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.silent
	if p.t.Failed() {
		p.t.Log(p.stderr.String())
	}
}

// pid returns the process ID of the newest process.
func (p *program) pid() int {
	b, err := os.ReadFile(p.pidFile)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

func (p *program) signal(sig syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, syscall.Kill(p.pid(), sig))
}

// restart sends SIGUSR2 and waits until the new process alone accepts.
func (p *program) restart() {
	p.t.Helper()
	old := p.pid()
	require.NoError(p.t, syscall.Kill(old, syscall.SIGUSR2))
	p.until("a new process counts", func() bool { return p.pid() != old && p.pid() != 0 })
	p.logged(fmt.Sprintf("taken over\" old_pid=%d", old), 1)
}

func (p *program) until(what string, holds func() bool) {
	p.t.Helper()
	require.Eventually(p.t, holds, patience, 10*time.Millisecond, what)
}

// logged waits until the log has text n times.
func (p *program) logged(text string, n int) {
	p.t.Helper()
	p.until("the log has "+text, func() bool { return strings.Count(p.stderr.String(), text) >= n })
}

// processes returns the process IDs of all living generations.
func (p *program) processes() []int {
	var pids []int
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(p.t, err)
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has just gone
		}
		// "pid (name) state parent group ...", and the name may have anything in it.
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if fields[0] != "Z" && fields[2] == strconv.Itoa(p.cmd.Process.Pid) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// descriptors counts the open descriptors of a process by kind, without the numbers that
// differ each time.
func descriptors(t *testing.T, pid int) map[string]int {
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	require.NoError(t, err)
	kinds := make(map[string]int)
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil {
			continue
		}
		kind, _, _ := strings.Cut(target, ":[")
		if strings.HasPrefix(kind, os.TempDir()) || strings.Contains(kind, "/Test") {
			kind = "file"
		}
		kinds[kind]++
	}
	return kinds
}

// gauge returns a metric without labels of the newest process, or -1 if there is none.
func (p *program) gauge(name string) int {
	t := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	body, err := get(p.t.Context(), t, "http://"+p.monitor+"/metrics", "")
	require.NoError(p.t, err)
	defer body.Close()
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, err := strconv.Atoi(value)
			require.NoError(p.t, err)
			return n
		}
	}
	return -1
}

func (p *program) login(o ...ftp.DialOption) *ftp.ServerConn {
	p.t.Helper()
	c, err := ftp.Dial(p.addr, append(o, ftp.DialWithTimeout(patience))...)
	require.NoError(p.t, err)
	require.NoError(p.t, c.Login("auser", "secret"))
	// The garbage collector closes a connection that nobody holds any more.
	p.t.Cleanup(func() { runtime.KeepAlive(c) })
	return c
}

// slowUpload is an upload that goes on until finish is called.
type slowUpload struct {
	w    *io.PipeWriter
	done chan error
}

// upload starts a slowUpload, and returns once the server has its first bytes.
func (p *program) upload(c *ftp.ServerConn, name string) *slowUpload {
	p.t.Helper()
	r, w := io.Pipe()
	u := &slowUpload{w: w, done: make(chan error, 1)}
	go func() { u.done <- c.Stor(name, r) }()
	_, err := w.Write(bytes.Repeat([]byte("begin"), 1000))
	require.NoError(p.t, err)
	return u
}

// finish ends the upload and returns its error, nil for 226.
func (u *slowUpload) finish() error {
	io.WriteString(u.w, "end")
	u.w.Close()
	return <-u.done
}

func clientTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
}
