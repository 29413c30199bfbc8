// Package line reads the lines of an FTP control connection: it takes Telnet
// commands out, bounds what a stranger can make it hold, and holds nothing
// while a session is idle.
package line

import (
	"bytes"
	"errors"
	"io"
)

// DefaultMax is the longest line that a Reader takes unless told otherwise.
const DefaultMax = 4096

// ErrTooLong is returned once for each line longer than Reader.Max. The rest of
// that line is skipped; the Reader stays usable.
var ErrTooLong = errors.New("line: too long")

// maxEmptyReads bounds reads that bring neither data nor an error.
const maxEmptyReads = 100

// Reader reads lines that end with CRLF or LF. Its zero value is ready after
// Reset. It is for one goroutine at a time.
type Reader struct {
	// Max is the longest line in bytes, its end not counted. Zero: DefaultMax.
	Max int

	src    io.Reader
	buf    []byte // nil while nothing is held
	r, w   int    // buf[r:w] waits, free of Telnet
	scan   int    // buf[r:scan] has no LF
	err    error  // came along with data, not yet reported
	telnet telnet
	skip   bool // inside a line already reported as too long
}

// Reset makes r read from src and forgets all it held, Max excepted. If src is a
// Refuser too, it sends the answers to Telnet negotiations.
func (r *Reader) Reset(src io.Reader) {
	r.put()
	*r = Reader{Max: r.Max, src: src}
}

// Refuser sends answer to the client as it is; it must not keep it.
type Refuser interface{ Refuse(answer []byte) }

// ReadLine returns the next line without its end. The slice is valid until the
// next call of ReadLine, Fill, Release or Reset. It reads only while no whole
// line is buffered.
//
// At the end of the stream it returns io.EOF, or io.ErrUnexpectedEOF if a line
// had begun, which is dropped. After any other error, timeouts included, what
// came of a line is kept and a later call goes on with it.
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

// Fill reads from the source once, unless HasLine. A loop of Fill and HasLine is
// ReadLine for callers that set another deadline once a line has begun. Its
// errors are those of ReadLine.
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

// HasLine reports whether ReadLine would return without reading.
func (r *Reader) HasLine() bool {
	return bytes.IndexByte(r.buf[r.scan:r.w], '\n') >= 0 || r.overflows()
}

// Partial reports whether the last bytes received began a line, or a Telnet
// command, and did not end it.
func (r *Reader) Partial() bool { return r.telnet.open() || r.telnet.inLine }

// Buffered returns the number of bytes received and not yet returned as lines;
// an open Telnet command and a line being skipped count one each. Anything but
// zero after AUTH TLS is an attempt to smuggle commands into the session.
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

// Release gives the buffer back if no byte waits in it, and reports whether r
// holds none now. The last line returned is then invalid.
func (r *Reader) Release() bool {
	if r.r == r.w {
		r.put()
	}
	return r.buf == nil
}

// next takes a line from the buffer.
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

// overflows reports whether what waits is too long a line whatever comes next.
// It has meaning only where no LF waits.
func (r *Reader) overflows() bool { return r.w-r.r >= r.max()+lineEnd }

func (r *Reader) max() int {
	if r.Max > 0 {
		return r.Max
	}
	return DefaultMax
}

// take accepts n bytes that were read to buf[w:].
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

// skipLine drops what p holds of the line being skipped, and returns how many
// bytes are left at p's beginning.
func (r *Reader) skipLine(p []byte) int {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		return 0
	}
	r.skip = false
	return copy(p, p[i+1:])
}

// ended turns a read error into what ReadLine returns.
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
