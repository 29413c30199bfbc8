//go:build !linux

package needs

import "testing"

// FileSystems are those that tests can have everywhere: the one of the temporary folder.
func FileSystems() map[string]func(tb testing.TB) string {
	return map[string]func(tb testing.TB) string{
		"the disk": func(tb testing.TB) string { return tb.TempDir() },
	}
}
