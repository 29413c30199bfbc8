package paradise_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// between are commands that clients put, or might put, between two of a sequence: what
// becomes of RNFR and SITE CPFR, and of REST, behind them.
var between = []struct {
	lines              []string
	keepsSource, keeps bool
}{
	{nil, true, true},
	{[]string{"NOOP"}, true, true},
	{[]string{"PWD"}, true, true},
	{[]string{"XPWD"}, true, true},
	{[]string{"TYPE I"}, true, true},
	{[]string{"MODE S"}, true, true},
	{[]string{"STRU F"}, true, true},
	{[]string{"STRU R"}, true, true},
	{[]string{"ALLO 10"}, true, true},
	{[]string{"PRET RETR x"}, true, true},
	{[]string{"PASV"}, true, true},
	{[]string{"EPSV 2"}, true, true},
	{[]string{"SYST"}, true, true},
	{[]string{"STAT"}, true, true},
	{[]string{"STAT /"}, true, true},
	{[]string{"HELP"}, true, true},
	{[]string{"FEAT"}, true, true},
	{[]string{"OPTS UTF8 ON"}, true, true},
	{[]string{"CLNT x"}, true, true},
	{[]string{"SIZE b"}, true, true},
	{[]string{"SIZE nope"}, true, true},
	{[]string{"MDTM b"}, true, true},
	{[]string{"MLST b"}, true, true},
	{[]string{"XCRC b"}, true, true},
	{[]string{"PBSZ 0"}, true, true},
	{[]string{"PROT P"}, true, true},
	{[]string{"SITE IDLE"}, true, true},
	{[]string{"SITE UMASK"}, true, true},
	{[]string{"SITE NAMEFMT 1"}, true, true},
	{[]string{"SITE NOSUCH"}, true, true},
	{[]string{"NOSUCH"}, true, true},
	{[]string{"NOOP", "TYPE I", "PWD"}, true, true},

	{[]string{"CWD /"}, true, false},
	{[]string{"CWD nope"}, true, false},
	{[]string{"CDUP"}, true, false},
	{[]string{"HASH b"}, true, false},

	{[]string{"ABOR"}, false, false},
	{[]string{"DELE other"}, false, false},
	{[]string{"DELE nope"}, false, false},
	{[]string{"MKD d"}, false, false},
	{[]string{"MKD"}, false, false},
	{[]string{"RMD nope"}, false, false},
	{[]string{"RNFR nope"}, false, false},
	{[]string{"RNFR"}, false, false},
	{[]string{"RNFR hooked"}, false, false},
	{[]string{"RNTO hooked"}, false, false},
	{[]string{"RNTO"}, false, false},
	{[]string{"RNTO no/such/folder"}, false, false},
	{[]string{"RETR a"}, false, false}, // 425
	{[]string{"LIST"}, false, false},
	{[]string{"EPSV", "STOR no/such"}, false, false},
	{[]string{"EPSV", "NLST hooked"}, false, false},
	{[]string{"SITE MKDIR d"}, false, false},
	{[]string{"SITE COPY b c"}, false, false},
	{[]string{"SITE CPFR nope"}, false, false},
	{[]string{"SITE CPTO"}, false, false},
	{[]string{"ACCT x"}, false, false},
	{[]string{"PASS x"}, false, false},
	{[]string{"REIN", "USER auser", "PASS secret"}, false, false},
	{[]string{"USER auser", "PASS secret"}, false, false},
	{[]string{"NOOP", "ABOR", "PWD"}, false, false},
}

// sequence plays one of those between two commands of a session.
func sequence(t *testing.T, lines []string, play func(w *world, c *client, put func())) {
	t.Helper()
	inMemory(t, func(srv *paradise.Server) {
		srv.Hooks.Before = func(_ context.Context, _ *paradise.Session, _, arg string) error {
			if arg == "hooked" {
				return io.ErrNoProgress
			}
			return nil
		}
	}, func(w *world) {
		for _, name := range []string{"a", "b", "other"} {
			w.files.Put("/"+name, []byte("0123456789"))
		}
		c := w.login()
		play(w, c, func() {
			for _, line := range lines {
				c.send("%s", line)
				c.expectAny()
			}
		})
		c.quit()
	})
}

func TestWhatComesBetweenTheCommandsOfASequence(t *testing.T) {
	for _, b := range between {
		name := "nothing"
		for i, line := range b.lines {
			name = map[bool]string{true: line, false: name + ", " + line}[i == 0]
		}
		code := map[bool]int{true: 250, false: 503}[b.keepsSource]
		t.Run("RNFR "+name, func(t *testing.T) {
			sequence(t, b.lines, func(w *world, c *client, put func()) {
				c.cmd(350, "RNFR a")
				put()
				c.cmd(code, "RNTO /z")
				c.cmd(503, "RNTO /y")
			})
		})
		t.Run("CPFR "+name, func(t *testing.T) {
			sequence(t, b.lines, func(w *world, c *client, put func()) {
				c.cmd(350, "SITE CPFR a")
				put()
				c.cmd(code, "SITE CPTO /z")
				c.cmd(503, "SITE CPTO /y")
			})
		})
		t.Run("REST "+name, func(t *testing.T) {
			sequence(t, b.lines, func(w *world, c *client, put func()) {
				want := map[bool]string{true: "6789", false: "0123456789"}[b.keeps]
				c.cmd(350, "REST 6")
				put()
				addr := c.epsv()
				c.cmd(150, "RETR /a")
				d := w.data(clientAddr, addr)
				got, err := io.ReadAll(d)
				require.NoError(t, err)
				require.Equal(t, want, string(got))
				d.Close()
				c.expect(226)
			})
		})
	}
}

func TestASequenceOfOneKindIsNoneOfAnother(t *testing.T) {
	for _, lines := range [][]string{
		{"RNFR a", "SITE CPTO z"},
		{"SITE CPFR a", "RNTO z"},
		{"RNFR a", "SITE CPFR b", "RNTO z"},
		{"SITE CPFR a", "RNFR b", "SITE CPTO z"},
		{"RNFR a", "REST 5", "RNTO z"},
		{"RNFR a", "RANG 1 2", "RNTO z"},
	} {
		sequence(t, lines[:len(lines)-1], func(w *world, c *client, put func()) {
			put()
			c.cmd(503, "%s", lines[len(lines)-1])
			w.missing("/z")
		})
	}
}

func TestATransferBetweenBreaksASequenceAlsoForWhatIsQueued(t *testing.T) {
	sequence(t, nil, func(w *world, c *client, _ func()) {
		c.cmd(350, "RNFR a")
		d := c.begin("STOR new")
		c.send("RNTO z")
		io.WriteString(d, "x")
		d.Close()
		c.expect(226)
		c.expect(503)
		w.missing("/z")
	})
}
