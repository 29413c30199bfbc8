package handover

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// killWait bounds the wait for a killed process: a process that hangs in the kernel
// must not block the upgrade.
const killWait = 5 * time.Second

// child is the predecessor's view of its successor.
type child struct {
	generation int
	proc       *os.Process
	link       *os.File
	closeLink  sync.Once
	unwanted   <-chan struct{} // closed when the predecessor is closed

	ready  chan struct{} // closed when the successor reports that it is ready
	heard  chan struct{} // closed at the end of the link; from then on reason is final
	exited chan struct{} // closed when the process has been reaped; from then on state is final
	reason strings.Builder
	state  string
}

func newChild(generation int, proc *os.Process, link *os.File, unwanted <-chan struct{}) *child {
	return &child{
		generation: generation, proc: proc, link: link, unwanted: unwanted,
		ready: make(chan struct{}), heard: make(chan struct{}), exited: make(chan struct{}),
	}
}

// watch starts two goroutines: one reads from the link until its end, the other
// waits for the end of the process.
func (c *child) watch(h hello) {
	go c.converse(h)
	go func() {
		defer close(c.exited)
		st, err := c.proc.Wait()
		if err != nil {
			c.state = err.Error()
			return
		}
		c.state = st.String()
	}()
}

// converse sends h and reads the answers: the word ready, or the reason of a failure,
// of which it keeps the first maxReason bytes.
func (c *child) converse(h hello) {
	defer close(c.heard)
	line, err := json.Marshal(h)
	if err != nil {
		return
	}
	// If the write fails, the child has ended, but its last words can still be read.
	c.link.Write(append(line, '\n'))
	ready := false
	r := bufio.NewReader(io.LimitReader(c.link, 1<<20))
	for {
		line, err := r.ReadString('\n')
		if line == wordReady && !ready {
			ready = true
			close(c.ready)
		} else if room := maxReason - c.reason.Len(); room > 0 {
			c.reason.WriteString(line[:min(len(line), room)])
		}
		if err != nil {
			return
		}
	}
}

// wait returns nil when done is closed, and an error if one of these comes first: the
// process ends, ctx ends, the predecessor is closed, or the time d is over.
func (c *child) wait(ctx context.Context, done <-chan struct{}, d time.Duration, bounded bool) error {
	var timeout <-chan time.Time
	if bounded {
		t := time.NewTimer(d)
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-done:
		return nil
	case <-c.exited:
		return c.died()
	case <-ctx.Done():
		return fmt.Errorf("was given up: %w", context.Cause(ctx))
	case <-c.unwanted:
		return fmt.Errorf("was given up: %w", ErrClosed)
	case <-timeout:
		return fmt.Errorf("was not ready after %v: %w", d, os.ErrDeadlineExceeded)
	}
}

// died returns an error that describes the unexpected end of the process.
func (c *child) died() error {
	c.await(c.exited)
	c.await(c.heard)
	state, reason := "did not answer", ""
	if isDone(c.exited) {
		state = "ended: " + c.state
	}
	if isDone(c.heard) {
		reason = strings.TrimSpace(c.reason.String())
	}
	if reason == "" {
		return errors.New(state)
	}
	return fmt.Errorf("%s: %s", state, reason)
}

// yours tells the successor that it has taken over, and closes the link.
func (c *child) yours() error {
	defer c.close()
	c.link.SetWriteDeadline(time.Now().Add(time.Second))
	_, err := io.WriteString(c.link, wordYours)
	return err
}

// kill kills the successor and waits, at most killWait, until it is gone.
func (c *child) kill() {
	c.proc.Kill()
	c.await(c.exited)
	c.close()
	c.await(c.heard)
}

func (c *child) close() { c.closeLink.Do(func() { c.link.Close() }) }

func (c *child) await(done <-chan struct{}) {
	t := time.NewTimer(killWait)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

func isDone(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
