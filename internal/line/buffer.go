package line

import "sync"

const (
	lineEnd   = 2                    // CRLF
	smallSize = 512                  // nearly every line, and what an idle reader may hold
	largeSize = DefaultMax + lineEnd // any line, unless Max says more
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallSize]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeSize]byte) }}
)

// makeRoom sees to it that buf[w:] is not empty. It is called only when no
// whole line waits, so that what it moves is short.
func (r *Reader) makeRoom() {
	if r.r == r.w {
		r.r, r.w, r.scan = 0, 0, 0
		if len(r.buf) != smallSize {
			recycle(r.buf)
			r.buf = smallBuffers.Get().(*[smallSize]byte)[:]
		}
		return
	}
	if r.r > 0 {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r, r.scan = 0, 0
	}
	if r.w == len(r.buf) {
		r.grow()
	}
}

// grow replaces a full buffer by one that holds the longest line.
func (r *Reader) grow() {
	var bigger []byte
	if need := r.max() + lineEnd; need > largeSize {
		bigger = make([]byte, need)
	} else {
		bigger = largeBuffers.Get().(*[largeSize]byte)[:]
	}
	copy(bigger, r.buf[:r.w])
	recycle(r.buf)
	r.buf = bigger
}

// put gives the buffer back; what waits in it is lost.
func (r *Reader) put() {
	recycle(r.buf)
	r.buf = nil
	r.r, r.w, r.scan = 0, 0, 0
}

// recycle wipes a buffer, as lines hold passwords, and pools it.
func recycle(buf []byte) {
	clear(buf)
	switch len(buf) {
	case smallSize:
		smallBuffers.Put((*[smallSize]byte)(buf))
	case largeSize:
		largeBuffers.Put((*[largeSize]byte)(buf))
	}
}
