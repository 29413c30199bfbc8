// Package needs is for tests that need something that the machine may not have. Such a
// test is skipped, and says how to get it. With CI=true, which .ci/run sets, it fails
// instead, because everything should be installed then.
package needs

import (
	"os"
	"os/exec"
	"testing"
)

// Program returns the path of a program, which the Debian package pkg contains.
func Program(tb testing.TB, name, pkg string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	That(tb, err == nil, name+" is not installed: Debian's package "+pkg+" brings it")
	return path
}

// That skips or fails the test unless ok is true.
func That(tb testing.TB, ok bool, why string) {
	tb.Helper()
	switch {
	case ok:
	case os.Getenv("CI") == "true":
		tb.Fatal(why)
	default:
		tb.Skip(why)
	}
}

// Root skips the test unless the user is root. It skips with CI=true too, because .ci/run
// also runs the suite as root.
func Root(tb testing.TB, what string) {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("needs root: " + what)
	}
}
