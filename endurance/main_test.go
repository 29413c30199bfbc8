package endurance

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/osfs"
)

// The test binary is also a server, in a child process, because some tests kill it and
// others limit it.
const (
	envFolder  = "PARADISE_ENDURANCE_FOLDER"
	envDurable = "PARADISE_ENDURANCE_DURABLE"
	envFileMax = "PARADISE_ENDURANCE_FILE_MAX"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envFolder); dir != "" {
		if err := serveFolder(dir); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveFolder serves a folder until standard input ends, which happens when the parent dies.
// It prints its address, and a line when leftovers have been swept.
func serveFolder(dir string) error {
	if text := os.Getenv(envFileMax); text != "" {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return err
		}
		if err := limitFiles(n); err != nil {
			return err
		}
	}
	files, err := osfs.Open(dir, osfs.Options{Durable: os.Getenv(envDurable) != ""})
	if err != nil {
		return err
	}
	auth, err := accountsOf(dir)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &paradise.Server{
		Auth:   auth,
		Files:  files,
		Logger: slog.New(slog.DiscardHandler),
		Policy: paradise.Policy{LostControlWait: -1}, // here the server dies, not the client
	}
	go srv.Serve(l)
	fmt.Println("listening", l.Addr())
	<-files.Swept()
	fmt.Println("swept")
	io.Copy(io.Discard, os.Stdin)
	return srv.Close()
}

// child is a server in another process.
type child struct {
	addr string
	cmd  *exec.Cmd
}

// startChild starts the test binary as a server of a folder, and returns when the server has
// swept the folder.
func startChild(t *testing.T, dir string, env ...string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, envFolder+"="+dir)...)
	return start(t, cmd, "listening", "swept")
}

// start starts a server and reads its standard output until it has printed all of words, each
// at the start of a line. The address follows the first word.
func start(t *testing.T, cmd *exec.Cmd, words ...string) *child {
	t.Helper()
	c := &child{cmd: cmd}
	_, err := cmd.StdinPipe() // held open as long as we live
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(c.kill)
	lines := bufio.NewScanner(out)
	for _, word := range words {
		for {
			require.True(t, lines.Scan(), "the server ended before it said %q", word)
			if rest, ok := strings.CutPrefix(lines.Text(), word); ok {
				if c.addr == "" {
					c.addr = strings.TrimSpace(rest)
				}
				break
			}
		}
	}
	go io.Copy(io.Discard, out)
	return c
}

// kill ends the server as kill -9 does. It may be called more than once.
func (c *child) kill() {
	if c.cmd.ProcessState == nil {
		c.cmd.Process.Kill()
		c.cmd.Wait()
	}
}

// isFull reports whether the full counts were asked for.
func isFull() bool { return os.Getenv("PARADISE_FULL") != "" }

// scaled returns n in full mode and a tenth of it otherwise.
func scaled(n int) int {
	if isFull() {
		return n
	}
	return n / 10
}

// random is the source of a test's choices.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("PARADISE_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "PARADISE_SEED")
		seed = n
	}
	t.Logf("PARADISE_SEED=%d repeats this", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// content returns n bytes that no other call returns.
func content(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := 0; i+8 <= n; i += 8 {
		v := rnd.Uint64()
		for j := range 8 {
			b[i+j] = byte(v >> (8 * j))
		}
	}
	for i := n &^ 7; i < n; i++ {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// memory returns a folder in memory, if the system has such a folder: on a disk it takes
// minutes to replace a file thousands of times.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "paradise-endurance-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
