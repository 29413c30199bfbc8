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

// The link is a pair of connected sockets. The old process sends hello, one line of
// JSON. The new one answers READY, or anything else as the reason why it cannot become
// ready. The old one answers YOURS, and the new one has taken over. If the link ends
// before that, the old process has died.
const (
	wordReady = "READY\n"
	wordYours = "YOURS\n"

	helloTimeout   = 10 * time.Second
	verdictTimeout = 30 * time.Second // in addition to the settling time
	maxReason      = 4 << 10
)

type hello struct {
	Owned  []bool        // per descriptor: whether to remove the Unix socket's path at the end
	State  []byte        // the result of Options.State
	Settle time.Duration // the least time before the predecessor answers YOURS
	PID    int           // the predecessor's process ID
}

// parent is the successor's end of the link.
type parent struct {
	link    *os.File
	r       *bufio.Reader
	settle  time.Duration
	crashes bool
}

// hello reads the first line. If the predecessor has died, the result is empty and no
// error: this process has to carry on.
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

// ready sends READY and waits for YOURS. If the predecessor has died meanwhile, this
// process takes over; if it is alive and silent, ready returns an error.
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

// say sends the reason of a failure. A leading space keeps it apart from READY.
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
