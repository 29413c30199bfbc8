package events

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// chunk is the most bytes that one Write passes to the underlying writer, unless a
	// single line is longer. Linux writes up to 4096 bytes (PIPE_BUF) to a pipe in one
	// piece, even if several processes share the pipe.
	chunk = 4096

	// retryEvery is the pause after a write that failed.
	retryEvery = time.Second

	// keptRoom is the most memory, in bytes, that an empty queue keeps.
	keptRoom = 64 << 10
)

// Writer passes the lines of a log to another writer, which may be slow, blocked or
// failing: a pipe that nobody reads, a paused terminal, a full disk. A call of Write
// never waits for that writer. Create a Writer with NewWriter. Set the fields before
// the first Write.
//
// Lines keep their order. One goroutine calls the underlying writer, always with
// whole lines, and with several at once if they are waiting. A write that fails is
// retried every second, starting at the first byte that was not written. Lines that
// do not fit into the queue are dropped and counted.
type Writer struct {
	// Dropping returns the line, with its line end, that is written in place of n
	// missing lines. The writing goroutine calls it once all lines before the gap
	// are written. Nil, or an empty result: the gap is not marked.
	Dropping func(n uint64) []byte

	w    io.Writer
	size int

	dropped atomic.Uint64
	wake    chan struct{} // has room for one signal: the goroutine has something to do
	done    chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex
	queue  []byte // whole lines
	held   int    // bytes that the goroutine has taken but not yet written
	gap    uint64 // lines dropped after those in queue
	closed bool
}

// NewWriter starts a Writer whose queue holds at most size bytes that wait for w.
func NewWriter(w io.Writer, size int) *Writer {
	l := &Writer{w: w, size: size, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go l.run()
	return l
}

// Write queues one or more lines, each with its line end. It never blocks and never
// returns an error: if the lines do not fit, it drops them. The bytes are copied.
func (l *Writer) Write(lines []byte) (int, error) {
	l.mu.Lock()
	// After a gap everything is dropped until the goroutine takes the queue: a line
	// queued now would be written before the line that marks the gap.
	if l.closed || l.gap > 0 || len(l.queue)+l.held+len(lines) > l.size {
		l.dropLocked(uint64(bytes.Count(lines, newline)))
		l.mu.Unlock()
		return len(lines), nil
	}
	l.queue = append(l.queue, lines...)
	l.mu.Unlock()
	l.rouse()
	return len(lines), nil
}

func (l *Writer) dropLocked(n uint64) {
	l.dropped.Add(n)
	if !l.closed {
		l.gap += n
	}
}

var newline = []byte{'\n'}

func (l *Writer) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Dropped returns how many lines were lost for good.
func (l *Writer) Dropped() uint64 { return l.dropped.Load() }

// Close accepts no more lines and waits until those in the queue are written. If ctx
// ends first, Close returns the cause of ctx; a write that blocks is left running. If
// writing fails, Close tries once more and counts the rest as dropped. A second call
// waits too.
func (l *Writer) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.rouse()
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *Writer) run() {
	defer close(l.done)
	var spare []byte
	for {
		lines, gap, closed := l.take(spare)
		l.flush(lines)
		l.tell(gap)
		if closed && len(lines) == 0 && gap == 0 {
			return
		}
		if spare = lines; cap(spare) > keptRoom {
			spare = nil
		}
	}
}

// take waits for lines, a gap or Close, and swaps the queue for an empty one.
func (l *Writer) take(spare []byte) (lines []byte, gap uint64, closed bool) {
	for {
		l.mu.Lock()
		lines, gap, closed = l.queue, l.gap, l.closed
		if len(lines) > 0 || gap > 0 || closed {
			l.queue, l.gap, l.held = spare[:0], 0, len(lines)
			l.mu.Unlock()
			return lines, gap, closed
		}
		l.mu.Unlock()
		<-l.wake
	}
}

// tell writes the line that marks a gap.
func (l *Writer) tell(gap uint64) {
	if gap == 0 || l.Dropping == nil {
		return
	}
	l.flush(l.Dropping(gap))
}

// flush writes lines chunk by chunk and retries bytes that were not written. After
// Close it gives up at the first failure.
func (l *Writer) flush(lines []byte) {
	for len(lines) > 0 {
		last := l.isClosed()
		n, err := l.w.Write(lines[:whole(lines)])
		n = max(n, 0)
		lines = lines[n:]
		l.written(n)
		switch {
		case err == nil:
		case last:
			l.dropped.Add(uint64(bytes.Count(lines, newline)))
			return
		default:
			l.pause()
		}
	}
}

// written gives the room of n written bytes back to the queue.
func (l *Writer) written(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = max(l.held-n, 0)
}

func (l *Writer) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// whole returns how many bytes of lines go into one write: as many lines as a chunk
// holds, or the first one.
func whole(lines []byte) int {
	if len(lines) <= chunk {
		return len(lines)
	}
	if end := bytes.LastIndexByte(lines[:chunk], '\n'); end >= 0 {
		return end + 1
	}
	if end := bytes.IndexByte(lines, '\n'); end >= 0 {
		return end + 1
	}
	return len(lines)
}

// pause waits after a failed write; Close cuts the wait short.
func (l *Writer) pause() {
	over := time.NewTimer(retryEvery)
	defer over.Stop()
	for !l.isClosed() {
		select {
		case <-over.C:
			return
		case <-l.wake: // Close, or more lines
		}
	}
}
