// Package needs is for tests that use what a machine may lack. There they are
// skipped with a word on what brings it; with CI=true, as .ci/run sets it, that
// is a failure, since everything is installed then.
package needs

import (
	"os"
	"os/exec"
	"testing"
)

// Program returns the path of a program that a Debian package brings.
func Program(tb testing.TB, name, pkg string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	That(tb, err == nil, name+" is not installed: Debian's package "+pkg+" brings it")
	return path
}

// That skips, or fails, unless ok.
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

// Root is for what only root may do. A plain user skips it, with CI=true too: .ci/run
// runs the suite as root besides.
func Root(tb testing.TB, what string) {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("needs root: " + what)
	}
}
