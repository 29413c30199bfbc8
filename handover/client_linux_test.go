package handover_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const patience = 20 * time.Second

// service is a server under test with all its generations.
type service struct {
	t       *testing.T
	network string
	addr    string
	pid     int           // of generation 0
	gone    chan struct{} // closed when all generations have ended

	lifeline io.Closer // closing it ends all generations
}

// start starts generation 0. A command, if given, is started instead of the test binary,
// and must execute it.
func start(t *testing.T, cmd *exec.Cmd, env ...string) *service {
	t.Helper()
	if cmd == nil {
		cmd = exec.Command(os.Args[0])
	}
	cmd.Env = append(os.Environ(), envServe+"=tcp 127.0.0.1:0", envSettle+"=20ms")
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = os.Stderr
	lifeline, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, w, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdout = w
	require.NoError(t, cmd.Start())
	w.Close()

	s := &service{t: t, network: "tcp", pid: cmd.Process.Pid, gone: make(chan struct{}), lifeline: lifeline}
	out := bufio.NewReader(stdout)
	t.Cleanup(func() {
		lifeline.Close()
		s.waitGone()
		cmd.Wait()
		stdout.Close()
	})
	line, err := out.ReadString('\n')
	go func() {
		defer close(s.gone)
		out.WriteTo(new(strings.Builder))
	}()
	require.NoError(t, err, "the server did not start")
	s.addr = strings.TrimSpace(line)
	if strings.HasPrefix(s.addr, "/") {
		s.network = "unix"
	}
	return s
}

func (s *service) waitGone() {
	s.t.Helper()
	select {
	case <-s.gone:
	case <-time.After(patience):
		s.t.Error("a generation did not end")
	}
}

// conn is one connection to one generation.
type conn struct {
	t *testing.T
	net.Conn
	r *json.Decoder
}

func (s *service) dial() *conn {
	s.t.Helper()
	c, err := net.DialTimeout(s.network, s.addr, patience)
	require.NoError(s.t, err)
	c.SetDeadline(time.Now().Add(patience))
	s.t.Cleanup(func() { c.Close() })
	return &conn{t: s.t, Conn: c, r: json.NewDecoder(c)}
}

func (c *conn) ask(words string) string {
	c.t.Helper()
	_, err := fmt.Fprintln(c, words)
	require.NoError(c.t, err)
	var answer string
	require.NoError(c.t, c.r.Decode(&answer))
	return answer
}

func (c *conn) who() (generation, pid int) {
	c.t.Helper()
	_, err := fmt.Sscanf(c.ask("who"), "%d %d", &generation, &pid)
	require.NoError(c.t, err)
	return generation, pid
}

// dialGeneration dials until that generation answers. It closes connections to others.
func (s *service) dialGeneration(want int) *conn {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		c := s.dial()
		if g, _ := c.who(); g == want {
			return c
		}
		c.Close()
	}
	s.t.Fatalf("generation %d never answered", want)
	return nil
}

// load dials without a break and records failures.
type load struct {
	workers sync.WaitGroup
	quit    chan struct{}

	mu       sync.Mutex
	changed  *sync.Cond
	answers  map[int]int // per generation
	failures []error
}

func (s *service) load() *load {
	l := &load{quit: make(chan struct{}), answers: map[int]int{}}
	l.changed = sync.NewCond(&l.mu)
	for range 2 {
		l.workers.Go(func() {
			for {
				select {
				case <-l.quit:
					return
				default:
					l.once(s.network, s.addr)
				}
			}
		})
	}
	s.t.Cleanup(l.stop)
	return l
}

func (l *load) once(network, addr string) {
	generation, err := visit(network, addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failures = append(l.failures, err)
	} else {
		l.answers[generation]++
	}
	l.changed.Broadcast()
}

func visit(network, addr string) (generation int, err error) {
	c, err := net.DialTimeout(network, addr, patience)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if tc, ok := c.(*net.TCPConn); ok {
		tc.SetLinger(0) // else ports run out in TIME_WAIT
	}
	if _, err := fmt.Fprintln(c, "who"); err != nil {
		return 0, err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscanf(line, "\"%d", &generation)
	return generation, err
}

// served waits until that generation has answered n visits more.
func (l *load) served(generation, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for want := l.answers[generation] + n; l.answers[generation] < want && len(l.failures) == 0; {
		l.changed.Wait()
	}
}

func (l *load) stop() {
	select {
	case <-l.quit:
	default:
		close(l.quit)
	}
	l.workers.Wait()
}

// requireNoFailure ends the load and fails the test if any visit has failed.
func (l *load) requireNoFailure(t *testing.T) {
	t.Helper()
	l.stop()
	t.Logf("answers per generation: %v", l.answers)
	require.Empty(t, l.failures, "connections were refused or broken")
}
