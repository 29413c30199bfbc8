package handover

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFits(t *testing.T) {
	tcp := func(ip string, port int) *net.TCPAddr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: port} }
	for _, c := range []struct {
		have          net.Addr
		network, addr string
		want          bool
	}{
		{tcp("127.0.0.1", 21), "tcp", "127.0.0.1:21", true},
		{tcp("127.0.0.1", 21), "tcp", "127.0.0.1:22", false},
		{tcp("127.0.0.1", 21), "tcp", "127.0.0.2:21", false},
		{tcp("127.0.0.1", 21), "tcp", "127.0.0.1:0", true},
		{tcp("127.0.0.1", 21), "tcp", ":21", false},
		{tcp("127.0.0.1", 21), "tcp6", "127.0.0.1:21", false},
		{tcp("::", 21), "tcp", ":21", true},
		{tcp("::", 21), "tcp", "0.0.0.0:21", true},
		{tcp("::", 21), "tcp", "127.0.0.1:21", false},
		{tcp("::", 21), "tcp4", ":21", false},
		{tcp("0.0.0.0", 21), "tcp4", ":21", true},
		{tcp("0.0.0.0", 21), "tcp6", ":21", false},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 21, Zone: "a"}, "tcp", "[fe80::1%b]:21", false},
		{&net.UnixAddr{Name: "/run/s", Net: "unix"}, "unix", "/run/s", true},
		{&net.UnixAddr{Name: "/run/s", Net: "unix"}, "unix", "/run/t", false},
		{&net.UnixAddr{Name: "127.0.0.1:21", Net: "unix"}, "tcp", "127.0.0.1:21", false},
	} {
		assert.Equal(t, c.want, fits(c.have, c.network, c.addr), "%v for %s %s", c.have, c.network, c.addr)
	}
}

func newProcess(t *testing.T, o Options) *Process {
	t.Helper()
	p, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

// passOn gives p a listener as if p had inherited it.
func passOn(t *testing.T, p *Process, name string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	p.unclaimed = append(p.unclaimed, socket{name: name, l: l})
	return l
}

func TestListenTakesWhatWasInherited(t *testing.T) {
	p := newProcess(t, Options{})
	a, b, c := passOn(t, p, "a"), passOn(t, p, "x"), passOn(t, p, "c")
	for _, tc := range []struct {
		name, addr string
		want       net.Listener
	}{
		{"c", "", c},
		{"a", a.Addr().String(), a},
		{"b", b.Addr().String(), b}, // another name, but binding it again would fail
	} {
		l, err := p.Listen(tc.name, "tcp", tc.addr)
		require.NoError(t, err)
		assert.Same(t, tc.want, l)
	}
}

func TestListenBindsAnewWhereTheAddressDiffers(t *testing.T) {
	p := newProcess(t, Options{})
	old := passOn(t, p, "a")
	l, err := p.Listen("a", "tcp", "127.0.0.2:0")
	require.NoError(t, err)
	defer l.Close()
	assert.NotSame(t, old, l)
	require.NoError(t, old.(*net.TCPListener).SetDeadline(time.Now()))
	require.NoError(t, p.Ready())
	_, err = old.Accept()
	assert.ErrorIs(t, err, net.ErrClosed, "Ready closes what nobody asked for")
}

func TestListenDoesNotTakeAnotherNamesSocketForAnyPort(t *testing.T) {
	p := newProcess(t, Options{})
	old := passOn(t, p, "a")
	l, err := p.Listen("b", "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	assert.NotSame(t, old, l)
}

func TestListenerNameIsTakenUntilItIsClosed(t *testing.T) {
	p := newProcess(t, Options{})
	l, err := p.Listen("a", "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, err = p.Listen("a", "tcp", "127.0.0.1:0")
	require.ErrorContains(t, err, `"a" is open already`)
	require.NoError(t, l.Close())
	l, err = p.Listen("a", "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestListenRefuses(t *testing.T) {
	p := newProcess(t, Options{})
	for _, c := range []struct{ name, network, addr, says string }{
		{"", "tcp", "127.0.0.1:0", "name"},
		{"a", "udp", "127.0.0.1:0", "unknown network"},
		{"a", "tcp", "", "no address is given"},
	} {
		_, err := p.Listen(c.name, c.network, c.addr)
		assert.ErrorContains(t, err, c.says)
	}
}

func TestOrderOfALife(t *testing.T) {
	p := newProcess(t, Options{})
	require.ErrorIs(t, p.Upgrade(context.Background()), ErrNotReady)
	require.NoError(t, p.Ready())
	require.Error(t, p.Ready(), "once only")
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.Upgrade(context.Background()), ErrClosed)
	_, err := p.Listen("a", "tcp", "127.0.0.1:0")
	require.ErrorIs(t, err, ErrClosed)
}

func TestStateIsBounded(t *testing.T) {
	p := newProcess(t, Options{State: func() []byte { return make([]byte, MaxState+1) }})
	require.NoError(t, p.Ready())
	err := p.Upgrade(context.Background())
	if !errors.Is(err, errors.ErrUnsupported) {
		require.ErrorContains(t, err, "65537 bytes")
	}
}

func TestPIDFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	t.Run("in a missing folder fails Ready", func(t *testing.T) {
		p := newProcess(t, Options{PIDFile: filepath.Join(path, "no", "pid")})
		require.ErrorIs(t, p.Ready(), os.ErrNotExist)
	})
	t.Run("of another process stays", func(t *testing.T) {
		p := newProcess(t, Options{PIDFile: path})
		require.NoError(t, p.Ready())
		require.NoError(t, os.WriteFile(path, []byte("1\n"), 0o644))
		require.NoError(t, p.Close())
		assert.FileExists(t, path)
	})
	t.Run("is the successor's after the handover, even while it still has our pid", func(t *testing.T) {
		p := newProcess(t, Options{PIDFile: path})
		require.NoError(t, p.Ready())
		p.phase = handedOver
		require.NoError(t, p.Close())
		assert.FileExists(t, path)
	})
	t.Run("that vanished is no error", func(t *testing.T) {
		p := newProcess(t, Options{PIDFile: path})
		require.NoError(t, p.Ready())
		require.NoError(t, os.Remove(path))
		require.NoError(t, p.Close())
	})
}
