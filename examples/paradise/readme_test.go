package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}

// helpOf returns what -h says: flags with their defaults, as the flag package
// writes them.
func helpOf(t *testing.T) map[string]string {
	t.Helper()
	var help strings.Builder
	_, err := parseFlags([]string{"-h"}, &help)
	require.Error(t, err)
	flags := make(map[string]string)
	entry := regexp.MustCompile(`(?m)^  -(\S+).*\n(.*)$`)
	defaults := regexp.MustCompile(`\(default "?([^"]*)"?\)$`)
	for _, m := range entry.FindAllStringSubmatch(help.String(), -1) {
		flags[m[1]] = ""
		if d := defaults.FindStringSubmatch(m[2]); d != nil {
			flags[m[1]] = d[1]
		}
	}
	require.NotEmpty(t, flags)
	return flags
}

func TestReadmeHasEveryFlagWithItsDefault(t *testing.T) {
	shown := make(map[string]string)
	row := regexp.MustCompile("(?m)^\\| `-(\\S+?)[ `].*\\| ([^|]*) \\|$")
	for _, m := range row.FindAllStringSubmatch(readme(t), -1) {
		assert.NotContains(t, shown, m[1], "once is enough")
		shown[m[1]] = m[2]
	}
	flags := helpOf(t)
	for name, value := range flags {
		assert.Contains(t, shown, name, "README.md has no row for -%s", name)
		if value != "" {
			assert.Equal(t, "`"+value+"`", shown[name], "default of -%s", name)
		}
	}
	for name := range shown {
		assert.Contains(t, flags, name, "README.md has a row for -%s, which is no flag", name)
	}
}

func TestReadmeShowsProgramsThatCompile(t *testing.T) {
	var sources strings.Builder
	names, err := filepath.Glob("../*/*.go")
	require.NoError(t, err)
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		sources.WriteString("\x00" + strings.ReplaceAll(string(b), "\r\n", "\n") + "\x00")
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	require.Len(t, blocks, 3, "a server, a driver and its test")
	for _, b := range blocks {
		text := b[1]
		if strings.HasPrefix(text, "package") || strings.HasPrefix(text, "//") {
			text = "\x00" + text + "\x00" // the whole file
		}
		assert.True(t, strings.Contains(sources.String(), text), "no longer the text of an example:\n%s", b[1])
	}
}

func TestReadmesUserIsTheDefault(t *testing.T) {
	cfg, err := parseFlags(nil, os.Stderr)
	require.NoError(t, err)
	assert.Equal(t, "secret", cfg.users.accounts["auser"])
	assert.Len(t, cfg.users.accounts, 1)
	assert.Contains(t, readme(t), "ftp ftp://auser:secret@"+cfg.addr)
	assert.Contains(t, readme(t), "http://"+cfg.monitor)
}
