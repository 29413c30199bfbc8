package handover

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// The link is a pair of connected sockets. The old process says hello, one line
// of JSON; the new one says ready, or anything else as the reason why it will
// not be; the old one says yours, and the new one has taken over. A link that
// ends before that means that the old process has died.
const (
	wordReady = "READY\n"
	wordYours = "YOURS\n"

	helloTimeout   = 10 * time.Second
	verdictTimeout = 30 * time.Second // beyond the settling time
	maxReason      = 4 << 10
)

type hello struct {
	Owned  []bool        // per descriptor: remove the Unix socket's path at the end
	State  []byte        // of Options.State
	Settle time.Duration // how long the verdict takes at least
	PID    int           // of the predecessor
}

// parent is the successor's end of the link.
type parent struct {
	link    *os.File
	r       *bufio.Reader
	settle  time.Duration
	crashes bool
}

// hello reads the first line. A predecessor that died leaves it empty: somebody
// has to go on.
func (p *parent) hello() (hello, error) {
	var h hello
	p.r = bufio.NewReader(io.LimitReader(p.link, 4*MaxState))
	p.link.SetReadDeadline(time.Now().Add(helloTimeout))
	line, err := p.r.ReadBytes('\n')
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return h, fmt.Errorf("reading from the predecessor: %w", err)
	}
	if err != nil {
		return h, nil
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return h, fmt.Errorf("reading from the predecessor: %w", err)
	}
	p.settle = h.Settle
	return h, nil
}

// ready says so and waits for the verdict. A predecessor that has died meanwhile
// leaves the listeners to us; one that is alive and silent does not.
func (p *parent) ready() error {
	if _, err := io.WriteString(p.link, wordReady); err != nil {
		return nil
	}
	p.link.SetReadDeadline(time.Now().Add(p.settle + verdictTimeout))
	_, err := p.r.ReadString('\n')
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("handover: waiting for the predecessor: %w", err)
	}
	return nil
}

// say sends a reason; it cannot be mistaken for a word of the protocol.
func (p *parent) say(reason string) {
	reason = strings.TrimSpace(reason)
	p.link.SetWriteDeadline(time.Now().Add(time.Second))
	io.WriteString(p.link, " "+reason[:min(len(reason), maxReason)]+"\n")
}

func (p *parent) reportCrashes() error {
	p.crashes = true
	return debug.SetCrashOutput(p.link, debug.CrashOptions{})
}

func (p *parent) close() {
	if p.crashes {
		debug.SetCrashOutput(nil, debug.CrashOptions{})
	}
	p.link.Close()
}
