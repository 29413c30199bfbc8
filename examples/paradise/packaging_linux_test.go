package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/needs"
)

const packaging = "../../packaging"

func TestSystemdFindsNothingWrongWithTheUnits(t *testing.T) {
	tool := needs.Program(t, "systemd-analyze", "systemd")
	dir := t.TempDir()
	args := []string{"verify"}
	for _, name := range []string{"paradise.service", "paradise.socket"} {
		b, err := os.ReadFile(filepath.Join(packaging, "systemd", name))
		require.NoError(t, err)
		// It looks for the program, which is not installed here.
		text := strings.ReplaceAll(string(b), "/usr/local/bin/paradise", "/bin/true")
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		args = append(args, filepath.Join(dir, name))
	}
	out, err := exec.Command(tool, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), dir)
}

func TestThePackagedConfigurationsAreGood(t *testing.T) {
	for _, name := range []string{"paradise.toml", "docker/paradise.toml"} {
		t.Run(name, func(t *testing.T) {
			cfg, err := parseFlags([]string{"-config", filepath.Join(packaging, name), "-root", t.TempDir()}, io.Discard)
			require.NoError(t, err)
			require.NoError(t, cfg.try(io.Discard))
		})
	}
}
