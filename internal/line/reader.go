// Package line reads the lines of an FTP control connection. It removes Telnet commands,
// bounds the memory that a client can make it use, and uses none while a session is
// idle.
package line

import (
	"bytes"
	"errors"
	"io"
)

// DefaultMax is the longest line in bytes that a Reader accepts if Reader.Max is zero.
const DefaultMax = 4096

// ErrTooLong is returned once for each line longer than Reader.Max. The rest of that line
// is skipped; the Reader stays usable.
var ErrTooLong = errors.New("line: too long")

// maxEmptyReads bounds consecutive reads that return neither data nor an error.
const maxEmptyReads = 100

// Reader reads lines that end with CRLF or LF. Call Reset before the first read. A
// Reader is not safe for concurrent use.
type Reader struct {
	// Max is the longest line in bytes, without its end. Zero: DefaultMax.
	Max int

	src    io.Reader
	buf    []byte // nil while the Reader holds no buffer
	r, w   int    // buf[r:w] is received but not returned, without Telnet commands
	scan   int    // buf[r:scan] has no LF
	err    error  // came together with data, not yet returned
	telnet telnet
	skip   bool // inside a line that was already reported as too long
}

// Reset makes r read from src and discards all its state except Max. If src is also a
// Refuser, it gets the answers to Telnet negotiations.
func (r *Reader) Reset(src io.Reader) {
	r.put()
	*r = Reader{Max: r.Max, src: src}
}

// Refuser sends answer to the client unchanged. Refuse must not keep answer.
type Refuser interface{ Refuse(answer []byte) }

// ReadLine returns the next line without its end. The slice is valid until the next call
// of ReadLine, Fill, Release or Reset. ReadLine reads from the source only if no whole
// line is buffered.
//
// At the end of the stream it returns io.EOF, or io.ErrUnexpectedEOF if the stream ends
// within a line, which is dropped. After any other error, timeouts included, the
// received part of a line is kept and a later call continues with it.
func (r *Reader) ReadLine() ([]byte, error) {
	for {
		line, ok, err := r.next()
		if ok || err != nil {
			return line, err
		}
		if err := r.Fill(); err != nil {
			return nil, err
		}
	}
}

// Fill reads from the source once, unless HasLine returns true. A caller that sets
// another deadline once a line has started calls Fill until HasLine returns true, and
// then ReadLine. The errors are those of ReadLine.
func (r *Reader) Fill() error {
	if r.HasLine() {
		return nil
	}
	if err := r.err; err != nil {
		r.err = nil
		return r.ended(err)
	}
	r.makeRoom()
	for range maxEmptyReads {
		n, err := r.src.Read(r.buf[r.w:])
		if n > 0 {
			r.err = err
			r.take(n)
			return nil
		}
		if err != nil {
			return r.ended(err)
		}
	}
	return io.ErrNoProgress
}

// HasLine reports whether ReadLine would return without reading from the source.
func (r *Reader) HasLine() bool {
	return bytes.IndexByte(r.buf[r.scan:r.w], '\n') >= 0 || r.overflows()
}

// Partial reports whether the bytes received so far end within a line or within a Telnet
// command.
func (r *Reader) Partial() bool { return r.telnet.open() || r.telnet.inLine }

// Buffered returns the number of bytes received and not yet returned as lines. An
// unfinished Telnet command and a line that is being skipped count as one byte each. If
// the number is not zero after AUTH TLS, somebody has tried to smuggle commands into the
// session.
func (r *Reader) Buffered() int {
	n := r.w - r.r
	if r.telnet.open() {
		n++
	}
	if r.skip {
		n++
	}
	return n
}

// Release gives back the buffer if it is empty, and reports whether r holds no buffer
// now. In that case the last line returned is no longer valid.
func (r *Reader) Release() bool {
	if r.r == r.w {
		r.put()
	}
	return r.buf == nil
}

// next returns the next line in the buffer; ok is false if there is no whole line.
func (r *Reader) next() (line []byte, ok bool, err error) {
	i := bytes.IndexByte(r.buf[r.scan:r.w], '\n')
	if i < 0 {
		r.scan = r.w
		if !r.overflows() {
			return nil, false, nil
		}
		r.r, r.w, r.scan = 0, 0, 0
		r.skip = true
		return nil, false, ErrTooLong
	}
	end := r.scan + i
	line = r.buf[r.r:end:end]
	r.r, r.scan = end+1, end+1
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if len(line) > r.max() {
		return nil, false, ErrTooLong
	}
	return line, true, nil
}

// overflows reports whether the buffered line is too long, whatever comes next. It must
// be called only if no LF is buffered.
func (r *Reader) overflows() bool { return r.w-r.r >= r.max()+lineEnd }

func (r *Reader) max() int {
	if r.Max > 0 {
		return r.Max
	}
	return DefaultMax
}

// take processes n bytes that were read into buf[w:].
func (r *Reader) take(n int) {
	p := r.buf[r.w : r.w+n]
	p = p[:r.telnet.strip(p)]
	if answer := r.telnet.refuse; len(answer) > 0 {
		if to, ok := r.src.(Refuser); ok {
			to.Refuse(answer)
		}
		r.telnet.refuse = nil
	}
	if r.skip {
		p = p[:r.skipLine(p)]
	}
	r.w += len(p)
}

// skipLine removes the line that is being skipped from p, and returns how many bytes are
// left at the start of p.
func (r *Reader) skipLine(p []byte) int {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		return 0
	}
	r.skip = false
	return copy(p, p[i+1:])
}

// ended turns an error of the source into the error of ReadLine.
func (r *Reader) ended(err error) error {
	if err != io.EOF {
		return err
	}
	if r.Partial() {
		err = io.ErrUnexpectedEOF
	}
	r.r, r.w, r.scan = 0, 0, 0
	r.telnet, r.skip = telnet{}, false
	return err
}
