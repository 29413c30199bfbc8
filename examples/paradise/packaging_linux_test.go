package main

import (
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
		// systemd-analyze looks for the program, which is not installed here.
		text := strings.ReplaceAll(string(b), "/usr/local/bin/paradise", "/bin/true")
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		args = append(args, filepath.Join(dir, name))
	}
	out, err := exec.Command(tool, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), dir)
}

// packaged returns the arguments with which the files of a package start the server.
func packaged(t *testing.T, name string) []string {
	if strings.HasSuffix(name, ".toml") {
		return []string{"-config", filepath.Join(packaging, name)}
	}
	b, err := os.ReadFile(filepath.Join(packaging, name))
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)^CMD (\[.*\])$`).FindSubmatch(b)
	require.NotNil(t, line, "%s starts nothing", name)
	var args []string
	require.NoError(t, json.Unmarshal(line[1], &args))
	return args
}

func TestThePackagesAreGoodOnceTheyHaveAnAccount(t *testing.T) {
	hashes := filepath.Join(t.TempDir(), "htpasswd")
	require.NoError(t, os.WriteFile(hashes, []byte("alice:"+bcryptOfSecret+"\n"), 0o600))
	for _, name := range []string{"paradise.toml", "docker/paradise.toml", "docker/Dockerfile"} {
		t.Run(name, func(t *testing.T) {
			args := append(packaged(t, name), "-root", t.TempDir(), "-addr", ":2121", "-check")
			cfg, err := parseFlags(args, io.Discard)
			require.NoError(t, err)
			require.True(t, cfg.namesAccounts(), "nobody gets in with a password that all know")
			require.ErrorContains(t, cfg.try(io.Discard), "-htpasswd: open "+cfg.htpasswd+": no such file")
			cfg, err = parseFlags(append(args, "-htpasswd", hashes), io.Discard)
			require.NoError(t, err)
			require.NoError(t, cfg.try(io.Discard))
		})
	}
}

func TestNoPackageHasAPasswordHash(t *testing.T) {
	hash := regexp.MustCompile(`\$(2[aby]|5|6|apr1|argon2id)\$[^.\s]`)
	err := filepath.WalkDir(packaging, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		require.NotRegexp(t, hash, string(b), path)
		return err
	})
	require.NoError(t, err)
}
