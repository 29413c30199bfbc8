package paradise_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// While somebody appends, somebody else may take away what his bytes were let in
// behind.
func TestAnAppendedFileIsJudgedAsItIsPublished(t *testing.T) {
	const script = "#!/bin/sh\necho\n"
	for rule, meanwhile := range map[string]func(c *client){
		"deleted":   func(c *client) { c.cmd(250, "DELE x.png") },
		"renamed":   func(c *client) { c.cmd(350, "RNFR x.png"); c.cmd(250, "RNTO y.png") },
		"emptied":   func(c *client) { c.begin("STOR x.png").Close(); c.expect(226) },
		"unchanged": func(*client) {},
	} {
		t.Run(rule, func(t *testing.T) {
			inMemory(t, func(srv *paradise.Server) { srv.Policy.Gate.Allow = []string{"image/*"} }, func(w *world) {
				w.files.Put("/x.png", []byte(png))
				c, other := w.login(), w.login()
				d := c.begin("APPE x.png")
				io.WriteString(d, script+strings.Repeat(" ", 1000))
				c.cmd(200, "NOOP")
				meanwhile(other)
				d.Close()
				if rule == "unchanged" {
					c.expect(226)
				} else {
					c.expect(550)
				}
				if e, err := w.files.Stat(t.Context(), nil, "/x.png"); err == nil && e.Size > 0 {
					require.True(t, strings.HasPrefix(w.content("/x.png"), png))
				}
				c.quit()
				other.quit()
			})
		})
	}
}

func TestMaxFileSizeHoldsForTheResultOfTwoAppends(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.MaxFileSize = 1000 }, func(w *world) {
		c, other := w.login(), w.login()
		first, second := c.begin("APPE f"), other.begin("APPE f")
		io.WriteString(first, strings.Repeat("a", 900))
		io.WriteString(second, strings.Repeat("b", 900))
		first.Close()
		c.expect(226)
		second.Close()
		other.expect(552)
		require.Equal(t, strings.Repeat("a", 900), w.content("/f"))
		c.quit()
		other.quit()
	})
}
