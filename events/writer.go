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
	// chunk is how much one Write of the writer below gets at most, unless a line
	// is longer: so much reaches a pipe that several processes share in one piece.
	chunk = 4096

	// retryEvery is the pause after a write that failed.
	retryEvery = time.Second

	// keptRoom is how much memory an empty queue holds on to.
	keptRoom = 64 << 10
)

// Writer hands the lines of a log to another writer, which may be slow, blocked or
// failing: a pipe that nobody reads, a paused terminal, a full disk. Whoever logs
// never waits for it. NewWriter makes one. Set the fields before the first Write.
//
// Lines keep their order, and the writer below gets whole ones: it is called on one
// goroutine, with several lines at once where they wait. A write that fails is tried
// again each second, from the byte on that was not taken. What the queue has no room
// for is dropped and counted.
type Writer struct {
	// Dropping makes the line that stands where n lines are missing, its line end
	// included; it is called on the writing goroutine, once the lines before it are
	// written. Empty or nil: none stands there.
	Dropping func(n uint64) []byte

	w    io.Writer
	size int

	dropped atomic.Uint64
	wake    chan struct{} // holds one: there is something to do
	done    chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex
	queue  []byte // whole lines
	held   int    // bytes that the goroutine has taken and not written
	gap    uint64 // lines dropped behind those in queue
	closed bool
}

// NewWriter starts a Writer that lets lines of size bytes together wait for w.
func NewWriter(w io.Writer, size int) *Writer {
	l := &Writer{w: w, size: size, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go l.run()
	return l
}

// Write takes one line, or several, each with its line end. It never blocks and
// returns no error: lines that find no room are dropped. The bytes are copied.
func (l *Writer) Write(lines []byte) (int, error) {
	l.mu.Lock()
	// Behind a gap everything is dropped until the queue is taken, so that the gap
	// is where it is said to be.
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

// Dropped returns how many lines were not written and never will be.
func (l *Writer) Dropped() uint64 { return l.dropped.Load() }

// Close takes no more lines and waits until those in the queue are written, or
// until ctx ends; then its error is returned, and a write that blocks is left
// behind. Where writing fails, Close tries once more and counts the rest as dropped.
// A second call waits too.
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

// take waits for lines or the end and exchanges the queue for an empty one.
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

// tell says how many lines are missing.
func (l *Writer) tell(gap uint64) {
	if gap == 0 || l.Dropping == nil {
		return
	}
	l.flush(l.Dropping(gap))
}

// flush writes lines chunk by chunk, and again what was not taken. Once the Writer is
// closed a failure is the end.
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

// written makes room in the queue.
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

// pause waits after a failure, but not past Close.
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
