package needs

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// outcome records whether a test was skipped or failed.
type outcome struct {
	testing.TB
	said string
}

func (o *outcome) Helper()           {}
func (o *outcome) Skip(args ...any)  { o.said = "skip" }
func (o *outcome) Fatal(args ...any) { o.said = "fail" }

func TestWhatIsMissingSkipsAndFailsOnlyInCI(t *testing.T) {
	for _, tc := range []struct {
		ci   string
		ok   bool
		want string
	}{
		{"", true, ""}, {"true", true, ""}, {"", false, "skip"}, {"false", false, "skip"}, {"true", false, "fail"},
	} {
		t.Setenv("CI", tc.ci)
		o := &outcome{TB: t}
		That(o, tc.ok, "why")
		require.Equal(t, tc.want, o.said, "CI=%s ok=%v", tc.ci, tc.ok)
	}
}

func TestOnlyRootIsNotToldToSkip(t *testing.T) {
	for _, ci := range []string{"", "true"} {
		t.Setenv("CI", ci)
		o := &outcome{TB: t}
		Root(o, "to be asked")
		require.Equal(t, os.Geteuid() != 0, o.said == "skip")
	}
}

func TestProgramIsFoundOrNamedWithItsPackage(t *testing.T) {
	require.NotEmpty(t, Program(t, "go", "golang"))
	t.Setenv("CI", "")
	o := &outcome{TB: t}
	Program(o, "no-such-program", "nothing")
	require.Equal(t, "skip", o.said)
}
