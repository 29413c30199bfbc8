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

// killWait bounds the wait for a killed process; one that hangs in the kernel
// must not take the upgrade with it.
const killWait = 5 * time.Second

// child is a successor as its predecessor sees it.
type child struct {
	generation int
	proc       *os.Process
	link       *os.File
	closeLink  sync.Once
	unwanted   <-chan struct{} // closed when the predecessor is closed

	ready  chan struct{} // closed when it says that it is ready
	heard  chan struct{} // closed when it has no more to say; then reason is final
	exited chan struct{} // closed when it has been reaped; then state is final
	reason strings.Builder
	state  string
}

func newChild(generation int, proc *os.Process, link *os.File, unwanted <-chan struct{}) *child {
	return &child{
		generation: generation, proc: proc, link: link, unwanted: unwanted,
		ready: make(chan struct{}), heard: make(chan struct{}), exited: make(chan struct{}),
	}
}

// watch starts the two goroutines of a child: one ends with the link, one with
// the process.
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

// converse says hello and listens: to the word ready, and to reasons, of which
// the beginning is kept.
func (c *child) converse(h hello) {
	defer close(c.heard)
	line, err := json.Marshal(h)
	if err != nil {
		return
	}
	// Where this fails the child has ended; what it said can be read all the same.
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

// wait returns nil when done is closed. Else it says what came first: the end of
// the process, of ctx, of the predecessor's interest, or of the time.
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

// died describes the end of a process that should have lived.
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

// yours ends the link with the verdict.
func (c *child) yours() error {
	defer c.close()
	c.link.SetWriteDeadline(time.Now().Add(time.Second))
	_, err := io.WriteString(c.link, wordYours)
	return err
}

// kill ends a successor that is not wanted, and waits until it is gone.
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
