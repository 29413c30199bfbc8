//go:build unix

package clients_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

// client is one FTP client with its abilities and limits.
type client struct {
	name      string
	brings    string                        // the package that brings it
	missing   func() error                  // nil if it is installed
	limits    []limitation                  // cells that it does not support
	crlf      bool                          // in ASCII it keeps the network's CRLF
	endsLines bool                          // in ASCII it ends a last line that has no end
	noPut     bool                          // it only downloads
	policy    func(*paradise.Policy)        // the concession that it needs; nil: none
	open      func(t testing.TB) transferer // one per test; ends with it
	put       func(v *visit) error          // uploads only, where waiting for what is not there would be long
}

// transferer runs a visit: it uploads the visit's names from up into remote,
// lists remote, and downloads them into down. names is the listing as the client
// understood it, nil if it has none to give.
type transferer func(v *visit) (names []string, err error)

// visit is one run of a client.
type visit struct {
	t      testing.TB
	site   *site
	cell   cell
	host   string
	port   string
	user   string
	ca     string
	home   string // HOME, empty
	up     string // local folder with the files to send
	down   string // local folder to fetch them into
	remote string // virtual folder, not there yet
	names  []string
}

// asPut is for clients that give up on a download at once.
func asPut(transfer transferer) func(*visit) error {
	return func(v *visit) error {
		_, err := transfer(v)
		return err
	}
}

// limitation is something that a client cannot do, with a proof.
type limitation struct {
	why    string
	covers func(cell) bool
	proof  proof
	files  func(name string, data []byte) bool // nil: all; else these only, and the cell runs without them
}

// limited reports whether a limit rules a cell out.
func (c *client) limited(at cell) bool {
	return slices.ContainsFunc(c.limits, func(l limitation) bool { return l.files == nil && l.covers(at) })
}

// without leaves out the files that a client cannot handle at a cell.
func (c *client) without(at cell, data map[string][]byte) map[string][]byte {
	data = maps.Clone(data)
	for _, l := range c.limits {
		if l.files != nil && l.covers(at) {
			maps.DeleteFunc(data, l.files)
		}
	}
	return data
}

// need skips a test whose client is not installed; see package needs.
func (c *client) need(t testing.TB) {
	t.Helper()
	if c.missing == nil {
		return
	}
	err := c.missing()
	needs.That(t, err == nil, fmt.Sprintf("%s is not installed (package %s): %v", c.name, c.brings, err))
}

// programs returns a function whose error names the first of these programs that is not in
// PATH.
func programs(names ...string) func() error {
	return func() error {
		for _, name := range names {
			if _, err := exec.LookPath(name); err != nil {
				return err
			}
		}
		return nil
	}
}

// environment returns the environment of external commands, without settings of the user.
func environment(home string, more ...string) []string {
	env := []string{"HOME=" + home, "LC_ALL=C.UTF-8", "TERM=dumb", "PATH=" + os.Getenv("PATH")}
	return append(env, more...)
}

// command is an external program in a process group of its own, so that its end
// is that of its children too.
func command(ctx context.Context, home, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = home
	cmd.Env = environment(home)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// run runs a program to its end, within the limit, and returns what it printed.
func (v *visit) run(input, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(v.t.Context(), limit)
	defer cancel()
	cmd := command(ctx, v.home, name, args...)
	return finish(cmd, input)
}

// finish runs cmd with an input; its output explains its error.
func finish(cmd *exec.Cmd, input string) (string, error) {
	if input != "" {
		cmd.Stdin = strings.NewReader(input)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, out)
	}
	return string(out), nil
}

// local is a file to send; fetched is where one goes.
func (v *visit) local(name string) string   { return filepath.Join(v.up, name) }
func (v *visit) fetched(name string) string { return filepath.Join(v.down, name) }

// bracketed is the host as it stands before ":port".
func (v *visit) bracketed() string {
	if v.cell.ip == ipv6 {
		return "[" + v.host + "]"
	}
	return v.host
}

// write makes a file for a client in its home.
func (v *visit) write(name, text string) (string, error) {
	file := filepath.Join(v.home, name)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// lines are the lines of a text without their ends; nil becomes empty.
func lines(text string) []string {
	names := []string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			names = append(names, line)
		}
	}
	return names
}

// bases are the last elements of names.
func bases(names []string) []string {
	for i, name := range names {
		names[i] = name[strings.LastIndexByte(name, '/')+1:]
	}
	return names
}

// helper is a long-lived program that runs visits one by one: a line for each,
// a line for its outcome.
type helper struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	answer chan string // closed at its end
	stderr *syncBuffer
}

// ask sends fields and waits for the answer, within the limit.
func (h *helper) ask(fields ...string) ([]string, error) {
	line := strings.Join(fields, "\t") + "\n"
	if _, err := io.WriteString(h.in, line); err != nil {
		return nil, fmt.Errorf("helper has ended: %w\n%s", err, h.stderr)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case text, ok := <-h.answer:
		if !ok {
			return nil, fmt.Errorf("helper has ended:\n%s", h.stderr)
		}
		return parseAnswer(text)
	case <-timer.C:
		return nil, errors.Join(fmt.Errorf("no answer within %v:\n%s", limit, h.stderr), h.cmd.Cancel())
	}
}

func parseAnswer(text string) ([]string, error) {
	word, rest, _ := strings.Cut(text, "\t")
	if word != "ok" {
		return nil, errors.New(strings.ReplaceAll(rest, "\v", "\n"))
	}
	if rest == "" {
		return []string{}, nil
	}
	return strings.Split(rest, "\t"), nil
}

// visit asks a helper for a whole visit.
func (h *helper) visit(v *visit) ([]string, error) { return h.op("visit", v) }

// op asks a helper for something else that needs the same facts.
func (h *helper) op(op string, v *visit) ([]string, error) {
	fields := []string{
		op, string(v.cell.mode), string(v.cell.ip), string(v.cell.tls), v.cell.typeCode(),
		v.host, v.port, v.user, password, v.ca, v.up, v.down, v.remote,
	}
	return h.ask(append(fields, v.names...)...)
}
