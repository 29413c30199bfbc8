package handover_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/handover"
)

func TestUpgradeRefusesNoConnection(t *testing.T) {
	s := start(t, nil)
	l := s.load()
	l.served(0, 50)
	require.Equal(t, "ok", s.dialGeneration(0).ask("upgrade"))
	l.served(1, 50)
	l.requireNoFailure(t)
}

func TestGenerationsKnowEachOthersPIDs(t *testing.T) {
	s := start(t, nil)
	old := s.dialGeneration(0)
	_, oldPID := old.who()
	require.Equal(t, "0 0", old.ask("kin"))
	require.Contains(t, old.ask("upgrade exit"), "error: ")
	require.Equal(t, "0 0", old.ask("kin"), "a failed successor is none")
	require.Equal(t, "ok", old.ask("upgrade"))
	young := s.dialGeneration(1)
	_, youngPID := young.who()
	assert.Equal(t, fmt.Sprint(0, youngPID), old.ask("kin"))
	assert.Equal(t, fmt.Sprint(oldPID, 0), young.ask("kin"))
}

func TestOldGenerationsDrainWhileNewerOnesAreUpgraded(t *testing.T) {
	s := start(t, nil)
	l := s.load()
	var held []*conn
	for g := range 3 {
		c := s.dialGeneration(g)
		held = append(held, c)
		require.Equal(t, "ok", c.ask("upgrade"))
	}
	l.served(3, 50)
	l.requireNoFailure(t)
	for g, c := range held {
		still, _ := c.who()
		assert.Equal(t, g, still, "a session stays with its generation")
	}
	for range 50 {
		c := s.dial()
		g, _ := c.who()
		require.Equal(t, 3, g, "only the newest accepts")
		c.Close()
	}
}

func TestListenersThatWereClosedAreNotPassedOn(t *testing.T) {
	s := start(t, nil)
	c := s.dial()
	require.Equal(t, "ok", c.ask("stop"))
	require.Equal(t, "ok", c.ask("upgrade"), "the successor binds its own")
}

func TestStateReachesTheSuccessor(t *testing.T) {
	s := start(t, nil)
	require.Equal(t, "ok", s.dialGeneration(0).ask("upgrade"))
	require.Equal(t, "ok", s.dialGeneration(1).ask("upgrade"))
	assert.Equal(t, ">0>1", s.dialGeneration(2).ask("state"))
}

func TestStateMayBeAsLargeAsItsBound(t *testing.T) {
	s := start(t, nil, envPadding+"="+strconv.Itoa(handover.MaxState))
	require.Equal(t, "ok", s.dial().ask("upgrade"))
	assert.Len(t, s.dialGeneration(1).ask("state"), handover.MaxState)
}

func TestSignalRestartsOnceReady(t *testing.T) {
	s := start(t, nil)
	require.Equal(t, "ok", s.dial().ask("ready"))
	require.NoError(t, syscall.Kill(s.pid, syscall.SIGUSR2))
	s.dialGeneration(1)
}

func TestSignalBeforeReadyIsDropped(t *testing.T) {
	s := start(t, nil, envSettle+"=1m")
	fmt.Fprintln(s.dialGeneration(0), "upgrade")
	c := s.dialGeneration(1)
	_, pid := c.who()
	require.NoError(t, syscall.Kill(pid, syscall.SIGUSR2))
	for range 20 {
		g, _ := c.who()
		require.Equal(t, 1, g)
	}
}

func TestCloseGivesARunningUpgradeUp(t *testing.T) {
	s := start(t, nil)
	upgrading, closing := s.dial(), s.dial()
	answer := make(chan string, 1)
	go func() {
		fmt.Fprintln(upgrading, "upgrade hang")
		line, _ := bufio.NewReader(upgrading).ReadString('\n')
		answer <- line
	}()
	require.Eventually(t, func() bool { return len(childrenOf(t, s.pid)) == 1 }, patience, time.Millisecond)
	require.Equal(t, "ok", closing.ask("close"))
	assert.Empty(t, childrenOf(t, s.pid), "the successor is gone when Close returns")
	assert.Contains(t, <-answer, "was given up: "+handover.ErrClosed.Error())
}

func TestFailedUpgradeChangesNothing(t *testing.T) {
	for _, c := range []struct {
		fault   string
		timeout time.Duration
		says    []string
	}{
		{"panic", time.Minute, []string{"generation 1", "exit status 2", "deliberate panic"}},
		{"exit", time.Minute, []string{"generation 1", "exit status 1"}},
		{"configuration", time.Minute, []string{"exit status 78", "line 7: no such option"}},
		{"hang", 2 * time.Second, []string{"was not ready after 2s"}},
	} {
		t.Run(c.fault, func(t *testing.T) {
			s := start(t, nil, envTimeout+"="+c.timeout.String())
			before := s.dial()
			fds := before.ask("fds")
			before.Close()

			l := s.load()
			l.served(0, 20)
			operator := s.dial()
			answer := operator.ask("upgrade " + c.fault)
			require.Contains(t, answer, "error: handover: ")
			for _, part := range c.says {
				assert.Contains(t, answer, part)
			}
			l.served(0, 20)
			l.requireNoFailure(t)
			assert.Eventually(t, func() bool { return operator.ask("fds") == fds },
				patience, 5*time.Millisecond, "a failed upgrade leaves no descriptor")
			assert.Empty(t, childrenOf(t, s.pid), "it is reaped")

			require.Equal(t, "ok", operator.ask("upgrade"), "the next attempt may succeed")
			s.dialGeneration(1)
		})
	}
}

func TestMissingExecutableChangesNothing(t *testing.T) {
	binary := copyOfTestBinary(t)
	s := start(t, exec.Command(binary))
	l := s.load()
	require.NoError(t, os.Rename(binary, binary+".away"))
	operator := s.dial()
	answer := operator.ask("upgrade")
	assert.Contains(t, answer, "no such file or directory")
	assert.Contains(t, answer, binary, "the path is the one of the start")
	l.served(0, 20)
	l.requireNoFailure(t)

	require.NoError(t, os.Rename(binary+".away", binary))
	require.Equal(t, "ok", operator.ask("upgrade"))
	s.dialGeneration(1)
}

func TestExecutableFollowsItsLink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "current")
	require.NoError(t, os.Symlink(copyOfTestBinary(t), link))
	s := start(t, exec.Command(link))
	next := copyOfTestBinary(t)
	require.NoError(t, os.Remove(link))
	require.NoError(t, os.Symlink(next, link))
	require.Equal(t, "ok", s.dial().ask("upgrade"))
	_, pid := s.dialGeneration(1).who()
	exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	require.NoError(t, err)
	assert.Equal(t, next, exe)
}

func TestSuccessorThatDiesWhileSettlingDoesNotTakeOver(t *testing.T) {
	s := start(t, nil, envSettle+"=1m")
	operator := s.dialGeneration(0)
	answer := make(chan string, 1)
	go func() { answer <- operator.ask("upgrade") }()
	_, err := io.WriteString(s.dialGeneration(1), "die\n")
	require.NoError(t, err)
	assert.Contains(t, <-answer, "exit status 7")
	for range 20 {
		g, _ := s.dial().who()
		require.Equal(t, 0, g)
	}
}

func TestOneUpgradeAtATime(t *testing.T) {
	s := start(t, nil, envTimeout+"=1m")
	answers := make(chan string, 2)
	for range 2 {
		c := s.dial()
		go func() {
			fmt.Fprintln(c, "upgrade hang")
			line, _ := bufio.NewReader(c).ReadString('\n')
			answers <- line
		}()
	}
	assert.Contains(t, <-answers, handover.ErrUpgrading.Error(), "one waits, the other is refused at once")
	s.lifeline.Close()
	<-answers
}

func TestHandedOverProcessCannotBeUpgradedAgain(t *testing.T) {
	s := start(t, nil)
	c := s.dial()
	require.Equal(t, "ok", c.ask("upgrade"))
	assert.Equal(t, "error: "+handover.ErrHandedOver.Error(), c.ask("upgrade"))
}

func TestSurvivorHasTheDescriptorsOfAFreshStart(t *testing.T) {
	s := start(t, nil)
	c := s.dial()
	fresh := c.ask("fds")
	for g := range 3 {
		require.Equal(t, "ok", c.ask("upgrade"))
		c.Close()
		c = s.dialGeneration(g + 1)
	}
	assert.Eventually(t, func() bool { return c.ask("fds") == fresh }, patience, 5*time.Millisecond)
	if t.Failed() {
		t.Logf("fresh:    %s\nsurvivor: %s", fresh, c.ask("fds"))
	}
}

func TestEnvironmentIsCleanForPrograms(t *testing.T) {
	s := start(t, nil)
	require.Equal(t, "ok", s.dial().ask("upgrade"))
	c := s.dialGeneration(1)
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "PARADISE_HANDOVER"} {
		assert.Empty(t, c.ask("env "+name), name)
	}
}

func TestDescriptorsStayNonBlockingAndPrivate(t *testing.T) {
	s := start(t, nil, envSettle+"=1m")
	fmt.Fprintln(s.dialGeneration(0), "upgrade")
	_, pid := s.dialGeneration(1).who() // both live, and so does the link between them
	for _, pid := range []int{s.pid, pid} {
		open := flagsOfSockets(t, pid)
		require.GreaterOrEqual(t, len(open), 3, "listener, link, connection")
		for fd, flags := range open {
			assert.NotZero(t, flags&syscall.O_NONBLOCK, "descriptor %s of %d is blocking", fd, pid)
			assert.NotZero(t, flags&syscall.O_CLOEXEC, "descriptor %s of %d reaches programs", fd, pid)
		}
	}
}

// flagsOfSockets returns the flags of a process's open sockets by descriptor.
func flagsOfSockets(t *testing.T, pid int) map[string]int64 {
	t.Helper()
	open := map[string]int64{}
	links, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
	require.NoError(t, err)
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(target, "socket:") {
			continue
		}
		fd := filepath.Base(link)
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/fdinfo/" + fd)
		if err != nil {
			continue // closed since
		}
		_, text, _ := strings.Cut(string(b), "flags:")
		open[fd], err = strconv.ParseInt(strings.Fields(text)[0], 8, 64)
		require.NoError(t, err)
	}
	return open
}

func TestPIDFileNamesTheNewest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	s := start(t, nil, envPIDFile+"="+path)
	named := func(pid int) func() bool {
		return func() bool {
			b, err := os.ReadFile(path)
			return err == nil && string(b) == strconv.Itoa(pid)+"\n"
		}
	}
	require.Eventually(t, named(s.pid), patience, time.Millisecond)

	c := s.dial()
	require.Contains(t, c.ask("upgrade exit"), "error:")
	require.True(t, named(s.pid)(), "a failed upgrade leaves the pid file")

	require.Equal(t, "ok", c.ask("upgrade"))
	next := s.dialGeneration(1)
	_, pid := next.who()
	require.Eventually(t, named(pid), patience, time.Millisecond)
	c.Close() // generation 0 ends, and leaves the file alone
	require.Eventually(t, func() bool { return zombie(s.pid) }, patience, time.Millisecond)
	require.True(t, named(pid)())

	require.Equal(t, "ok", next.ask("stop"))
	next.Close()
	s.waitGone()
	assert.NoFileExists(t, path)
	rest, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Empty(t, rest, "no temporary is left")
}

func TestUnixSocketIsRemovedByTheLastGenerationOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	s := start(t, nil, envServe+"=unix "+path)
	l := s.load()
	c := s.dialGeneration(0)
	require.Contains(t, c.ask("upgrade exit"), "error:")
	require.Equal(t, "ok", c.ask("upgrade"))
	c.Close()
	l.served(1, 20)
	next := s.dialGeneration(1)
	l.requireNoFailure(t)
	require.Equal(t, "ok", next.ask("stop"))
	_, err := net.Dial("unix", path)
	require.Error(t, err)
	assert.NoFileExists(t, path)
}

func TestSuccessorGoesOnWhereItsPredecessorDiesMeanwhile(t *testing.T) {
	s := start(t, nil, envSettle+"=1m")
	operator := s.dialGeneration(0)
	_, err := io.WriteString(operator, "upgrade\n")
	require.NoError(t, err)
	next := s.dialGeneration(1)
	require.NoError(t, syscall.Kill(s.pid, syscall.SIGKILL))
	assert.Contains(t, next.ask("upgrade exit"), "exit status 1", "it has become ready")
	g, _ := s.dial().who()
	assert.Equal(t, 1, g)
}

// childrenOf lists the children of a process, those not yet reaped included.
func childrenOf(t *testing.T, pid int) (children []string) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	require.NoError(t, err)
	for _, task := range tasks {
		if b, err := os.ReadFile(task); err == nil {
			children = append(children, strings.Fields(string(b))...)
		}
	}
	return children
}

// zombie reports whether a child of the test has ended.
func zombie(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(b), ") Z ")
}

func copyOfTestBinary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server")
	if os.Link(os.Args[0], path) == nil {
		return path
	}
	from, err := os.Open(os.Args[0])
	require.NoError(t, err)
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(to, from)
	require.NoError(t, err)
	require.NoError(t, to.Close())
	return path
}
