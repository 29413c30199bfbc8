package monitor

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/printable"
)

// hostile is a name that contains characters which no view may show.
const hostile = "a\x1b[31m\u009b\u202Egpj\u2066\u200B\uFEFF\u2028\u3164\U000E0041\u0378z"

func TestNoViewShowsWhatIsNotMeantToBeSeen(t *testing.T) {
	w := watch(t, Options{Token: testToken})
	c := w.login("auser")
	c.store(hostile, "x")
	c.say("EPSV", "229")
	c.say("SIZE "+hostile, "213")
	for name, headers := range map[string][]string{"text": nil, "page": {browser}} {
		for _, path := range []string{"/", "/stats.json"} {
			_, body := w.get(path, headers...)
			for line := range strings.Lines(body) {
				line = strings.TrimSuffix(line, "\n")
				require.Equal(t, printable.Text(line), line, "%s of %s", name, path)
			}
			if path == "/" {
				assert.Contains(t, body, "a?[31m??gpj", name)
			}
		}
	}
	_, body := w.get("/stats.json")
	assert.Contains(t, body, `"a?[31m??gpj???????z"`)
	assert.NotRegexp(t, `\\u(001b|009b|202e|2066|200b|feff|2028|3164|0378)`, body)
}
