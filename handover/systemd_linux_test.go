package handover_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/handover"
)

// manager plays systemd's side of sd_notify.
type manager struct {
	t *testing.T
	c *net.UnixConn
}

func newManager(t *testing.T, addr string) *manager {
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: addr, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return &manager{t, c}
}

func (m *manager) next() []string {
	m.t.Helper()
	m.c.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 4096)
	n, err := m.c.Read(b)
	require.NoError(m.t, err)
	return strings.Split(string(b[:n]), "\n")
}

func (m *manager) expect(want ...string) {
	m.t.Helper()
	assert.Equal(m.t, want, m.next())
}

// expectReloading expects RELOADING=1 with a plausible time.
func (m *manager) expectReloading() {
	m.t.Helper()
	got := m.next()
	require.Len(m.t, got, 2)
	assert.Equal(m.t, "RELOADING=1", got[0])
	usec, ok := strings.CutPrefix(got[1], "MONOTONIC_USEC=")
	require.True(m.t, ok, got[1])
	n, err := strconv.ParseInt(usec, 10, 64)
	require.NoError(m.t, err)
	assert.InDelta(m.t, uptime(m.t), n/1e6, 60, "CLOCK_MONOTONIC counts from the boot")
}

func uptime(t *testing.T) float64 {
	b, err := os.ReadFile("/proc/uptime")
	require.NoError(t, err)
	var seconds float64
	_, err = fmt.Sscanf(string(b), "%f", &seconds)
	require.NoError(t, err)
	return seconds
}

func TestSystemdHearsOfUpgrades(t *testing.T) {
	for _, kind := range []string{"path", "abstract"} {
		t.Run(kind, func(t *testing.T) {
			addr := filepath.Join(t.TempDir(), "notify")
			if kind == "abstract" {
				addr = "@handover-test-" + strconv.Itoa(os.Getpid())
			}
			m := newManager(t, addr)
			s := start(t, nil, "NOTIFY_SOCKET="+addr)
			own := "MAINPID=" + strconv.Itoa(s.pid)
			m.expect("READY=1", own)

			c := s.dial()
			require.Contains(t, c.ask("upgrade exit"), "error:")
			m.expectReloading()
			failed := m.next()
			require.Len(t, failed, 3)
			assert.Equal(t, []string{"READY=1", own}, failed[:2])
			assert.Contains(t, failed[2], "STATUS=upgrade failed: handover: generation 1")

			require.Equal(t, "ok", c.ask("upgrade"))
			_, pid := s.dialGeneration(1).who()
			next := "MAINPID=" + strconv.Itoa(pid)
			m.expectReloading()
			m.expect("READY=1", next) // by the old one, whom systemd trusts
			m.expect("READY=1", next) // by the new one
		})
	}
}

func TestSocketActivation(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	extra, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	activated := func(script string) *exec.Cmd {
		cmd := exec.Command("sh", "-c", script+` exec "$0"`, os.Args[0])
		for _, l := range []net.Listener{extra, l} {
			f, err := l.(*net.TCPListener).File()
			require.NoError(t, err)
			t.Cleanup(func() { f.Close() })
			cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		}
		return cmd
	}
	for _, c := range []struct {
		name, script string
		inherits     bool
	}{
		{"of this process", "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=other:ftp", true},
		{"of another process", "LISTEN_PID=1 LISTEN_FDS=2 LISTEN_FDNAMES=other:ftp", false},
		{"without a pid", "LISTEN_FDS=2 LISTEN_FDNAMES=other:ftp", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, activated(c.script))
			assert.Equal(t, c.inherits, s.addr == l.Addr().String())
			conn := s.dial()
			g, _ := conn.who()
			assert.Equal(t, 0, g)
			require.Equal(t, "ok", conn.ask("upgrade"), "what was activated can be upgraded")
			s.dialGeneration(1)
		})
	}

	t.Run("unclaimed sockets are closed", func(t *testing.T) {
		s := start(t, activated("LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=other:ftp"))
		s2 := start(t, nil)
		require.Eventually(t, func() bool { return s.dial().ask("fds") == s2.dial().ask("fds") },
			patience, 5*time.Millisecond)
	})
}

func TestStaleAnnouncementIsRefusedUntouched(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envServe+"=tcp 127.0.0.1:0", "PARADISE_HANDOVER=1", "LISTEN_FDS=1",
		"LISTEN_FDNAMES=ftp")
	lifeline, err := cmd.StdinPipe()
	require.NoError(t, err)
	defer lifeline.Close()
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), `descriptor 3 ("ftp")`)
}

func TestProcessSpeaksToSystemd(t *testing.T) {
	addr := filepath.Join(t.TempDir(), "notify")
	m := newManager(t, addr)
	t.Setenv("NOTIFY_SOCKET", addr)
	p, err := handover.New(handover.Options{})
	require.NoError(t, err)
	defer p.Close()

	require.NoError(t, p.Status("two\nlines\nREADY=1"))
	m.expect("STATUS=two lines READY=1")

	require.NoError(t, p.Reload(func() error { return nil }))
	m.expectReloading()
	m.expect("READY=1")

	require.ErrorIs(t, p.Reload(func() error { return os.ErrInvalid }), os.ErrInvalid)
	m.expectReloading()
	m.expect("READY=1", "STATUS=reload failed: invalid argument")

	require.NoError(t, p.Stopping())
	m.expect("STOPPING=1")
}

func TestWithoutSystemdNothingIsSaid(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	p, err := handover.New(handover.Options{})
	require.NoError(t, err)
	require.NoError(t, p.Ready())
	require.NoError(t, p.Status("x"))
	require.NoError(t, p.Watchdog(t.Context(), nil))
	require.NoError(t, p.Close())
}

func TestWatchdog(t *testing.T) {
	addr := filepath.Join(t.TempDir(), "notify")
	m := newManager(t, addr)
	t.Setenv("NOTIFY_SOCKET", addr)
	t.Setenv("WATCHDOG_USEC", "4000")

	t.Run("of another process", func(t *testing.T) {
		t.Setenv("WATCHDOG_PID", "1")
		p, err := handover.New(handover.Options{})
		require.NoError(t, err)
		require.NoError(t, p.Watchdog(t.Context(), nil), "returns at once")
	})
	t.Run("beats while healthy, until Close", func(t *testing.T) {
		t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
		p, err := handover.New(handover.Options{})
		require.NoError(t, err)
		asked := 0
		ended := make(chan error, 1)
		go func() {
			ended <- p.Watchdog(context.Background(), func() bool {
				asked++
				if asked == 5 {
					p.Close()
				}
				return asked != 2 && asked != 5
			})
		}()
		require.NoError(t, <-ended)
		require.Equal(t, 5, asked)
		for range 3 {
			m.expect("WATCHDOG=1")
		}
		m.c.SetReadDeadline(time.Now())
		_, err = m.c.Read(make([]byte, 64))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded, "an unhealthy service is silent")
	})
}
