package line

import "sync"

const (
	lineEnd   = 2                    // CRLF
	smallSize = 512                  // enough for nearly every line
	largeSize = DefaultMax + lineEnd // enough for every line, unless Max is larger
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallSize]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeSize]byte) }}
)

// makeRoom ensures that buf[w:] is not empty. It is called only when no whole line is
// buffered, so that it moves few bytes.
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

// grow replaces a full buffer with one that has room for the longest line.
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

// put gives back the buffer and discards its content.
func (r *Reader) put() {
	recycle(r.buf)
	r.buf = nil
	r.r, r.w, r.scan = 0, 0, 0
}

// recycle returns a buffer to its pool. It wipes the buffer first, because lines may
// contain passwords.
func recycle(buf []byte) {
	clear(buf)
	switch len(buf) {
	case smallSize:
		smallBuffers.Put((*[smallSize]byte)(buf))
	case largeSize:
		largeBuffers.Put((*[largeSize]byte)(buf))
	}
}
