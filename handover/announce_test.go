package handover

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnnouncement(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want announcement
		err  string
	}{
		{name: "nothing"},
		{name: "systemd", env: map[string]string{envPID: "42", envFDs: "2", envNames: "a:b"},
			want: announcement{names: []string{"a", "b"}}},
		{name: "systemd without names", env: map[string]string{envPID: "42", envFDs: "2"},
			want: announcement{names: []string{"unknown", "unknown"}}},
		{name: "meant for another process", env: map[string]string{envPID: "43", envFDs: "2"}},
		{name: "no pid is nobody's", env: map[string]string{envFDs: "2"}},
		{name: "a predecessor", env: map[string]string{envGeneration: "3", envFDs: "1", envNames: "ftp"},
			want: announcement{generation: 3, names: []string{"ftp"}}},
		{name: "a predecessor without listeners", env: map[string]string{envGeneration: "1", envFDs: "0"},
			want: announcement{generation: 1}},
		{name: "too few names", env: map[string]string{envPID: "42", envFDs: "2", envNames: "a"},
			err: "LISTEN_FDNAMES has 1 names for 2 descriptors"},
		{name: "no number", env: map[string]string{envPID: "42", envFDs: "x"}, err: "LISTEN_FDS"},
		{name: "negative", env: map[string]string{envPID: "42", envFDs: "-1"}, err: "LISTEN_FDS"},
		{name: "absurd", env: map[string]string{envPID: "42", envFDs: "1000000000"}, err: "LISTEN_FDS"},
		{name: "no generation", env: map[string]string{envGeneration: "0", envFDs: "0"}, err: envGeneration},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := announced(func(k string) string { return c.env[k] }, 42)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestSuccessorEnvironment(t *testing.T) {
	got := successorEnv([]string{
		"HOME=/root", "LISTEN_PID=1", "LISTEN_FDS=9", "LISTEN_FDNAMES=x", "PARADISE_HANDOVER=1",
		"NOTIFY_SOCKET=/run/n", "WATCHDOG_USEC=5", "WATCHDOG_PID=1",
	}, 2, []string{"a", "b"})
	assert.Equal(t, []string{
		"HOME=/root", "NOTIFY_SOCKET=/run/n", "WATCHDOG_USEC=5",
		"LISTEN_FDS=2", "LISTEN_FDNAMES=a:b", "PARADISE_HANDOVER=2",
	}, got, "no LISTEN_PID: it cannot be known")
}

func TestListenerNames(t *testing.T) {
	for _, name := range []string{"ftp", "ftps-implicit", "paradise.socket"} {
		assert.NoError(t, checkName(name), name)
	}
	for _, name := range []string{"", "a:b", "a b", "a\nb", "é", string(make([]byte, 256))} {
		assert.Error(t, checkName(name), "%q", name)
	}
}
