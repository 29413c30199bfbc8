package memnet

import (
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// capacity is the size of the buffer of one direction, in bytes.
const capacity = 64 << 10

// pipe is one direction of a connection.
type pipe struct {
	mu     sync.Mutex
	buf    []byte
	err    error         // what read returns once buf is empty
	broken error         // what write returns
	change chan struct{} // closed and replaced whenever the state changes
}

func newPipe() *pipe { return &pipe{change: make(chan struct{})} }

func (p *pipe) changed() {
	close(p.change)
	p.change = make(chan struct{})
}

func (p *pipe) read(b []byte, d *deadline) (int, error) {
	for {
		if d.isPast() {
			return 0, os.ErrDeadlineExceeded
		}
		p.mu.Lock()
		if len(p.buf) > 0 && p.err != net.ErrClosed {
			n := copy(b, p.buf)
			p.buf = p.buf[n:]
			p.changed()
			p.mu.Unlock()
			return n, nil
		}
		err, change := p.err, p.change
		p.mu.Unlock()
		if err != nil {
			return 0, err
		}
		select {
		case <-change:
		case <-d.passed():
		}
	}
}

func (p *pipe) holds() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.buf) > 0
}

func (p *pipe) readable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.buf) > 0 || p.err != nil
}

func (p *pipe) write(b []byte, d *deadline) (int, error) {
	total := 0
	for {
		if d.isPast() {
			return total, os.ErrDeadlineExceeded
		}
		p.mu.Lock()
		if p.broken != nil {
			defer p.mu.Unlock()
			return total, p.broken
		}
		if room := capacity - len(p.buf); room > 0 {
			n := min(room, len(b))
			p.buf = append(p.buf, b[:n]...)
			b, total = b[n:], total+n
			p.changed()
		}
		change := p.change
		p.mu.Unlock()
		if len(b) == 0 {
			return total, nil
		}
		select {
		case <-change:
		case <-d.passed():
		}
	}
}

// end closes the writer's side. The reader gets err after the rest of the bytes.
func (p *pipe) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil || err == net.ErrClosed {
		p.err = err
	}
	if p.broken == nil {
		p.broken = net.ErrClosed
	}
	p.changed()
}

// drop makes writes fail with EPIPE, as TCP does after the reader has gone.
func (p *pipe) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buf, p.broken = nil, syscall.EPIPE
	p.changed()
}

func (p *pipe) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buf, p.err, p.broken = nil, syscall.ECONNRESET, net.ErrClosed
	p.changed()
}

// deadline is a moment that can be moved and waited for.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	moves int // counts calls of set: the timer of an earlier call may be running already
	done  chan struct{}
	past  bool
}

func newDeadline() *deadline { return &deadline{done: make(chan struct{})} }

// set moves the deadline to t; a zero t means never.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.moves++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if d.past {
		d.past, d.done = false, make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.past = true
		close(d.done)
		return
	}
	moves := d.moves
	d.timer = time.AfterFunc(wait, func() { d.pass(moves) })
}

func (d *deadline) pass(moves int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.moves == moves {
		d.past = true
		close(d.done)
	}
}

func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done
}

func (d *deadline) isPast() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.past
}
