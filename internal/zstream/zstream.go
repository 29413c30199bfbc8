// Package zstream reads and writes the data of MODE Z: one zlib stream (RFC 1950) from the
// first byte of the connection to its last, as draft-preston-ftpext-deflate says and lftp
// and ProFTPD do. Raw deflate is what broke other servers' clients.
package zstream

import (
	"bufio"
	"compress/flate"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
)

// DefaultLevel is the usual trade of time for size. Levels go from 0, no compression, to
// 9, the smallest result.
const DefaultLevel = 6

// Errors of a stream that was not meant as one file's. Those of the connection below pass
// as they are.
var (
	ErrFormat   = errors.New("zstream: not a zlib stream")
	ErrRatio    = errors.New("zstream: data grows out of proportion")
	ErrTrailing = errors.New("zstream: bytes behind the end of the stream")
)

const (
	maxRatio   = 1000     // no honest file inflates more than this ...
	ratioFrom  = 10 << 20 // ... once it is larger than this
	bufferSize = 4 << 10
)

// Reader inflates a stream. It is for one goroutine at a time.
type Reader struct {
	wire *bufio.Reader // our own: zlib would hide what it reads ahead
	in   int64
	out  int64
	z    io.ReadCloser
}

// NewReader returns a Reader that takes the stream from wire. It reads ahead.
func NewReader(wire io.Reader) *Reader {
	r := &Reader{}
	r.wire = bufio.NewReaderSize(countingReader{wire, &r.in}, bufferSize)
	return r
}

// Read inflates into p. It returns io.EOF only once both the stream and wire have ended;
// a wire without any byte is an empty file. A stream that is cut off is
// io.ErrUnexpectedEOF, one that is damaged ErrFormat, and bytes behind it are ErrTrailing.
// A stream that inflates to more than 10 MiB and to more than a thousand times its own
// size is ErrRatio.
func (r *Reader) Read(p []byte) (int, error) {
	if r.z == nil {
		if _, err := r.wire.Peek(1); err != nil {
			return 0, err
		}
		z, err := zlib.NewReader(r.wire)
		if err != nil {
			return 0, formatError(err)
		}
		r.z = z
	}
	n, err := r.z.Read(p)
	r.out += int64(n)
	if r.out > ratioFrom && r.out/maxRatio > r.in {
		return n, ErrRatio
	}
	if err == io.EOF {
		return n, r.end()
	}
	return n, formatError(err)
}

// end waits for the end of the wire behind that of the stream, so that a broken wire is
// noticed. A byte there belongs to no file: to drop it would publish less than was sent.
func (r *Reader) end() error {
	if _, err := r.wire.ReadByte(); err != nil {
		return err
	}
	return ErrTrailing
}

// formatError marks errors that are about the bytes, not about the wire.
func formatError(err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	if corrupt || errors.Is(err, zlib.ErrHeader) || errors.Is(err, zlib.ErrChecksum) || errors.Is(err, zlib.ErrDictionary) {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return err
}

type countingReader struct {
	r io.Reader
	n *int64
}

func (c countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.n += int64(n)
	return n, err
}

// NewWriter returns a writer that deflates to w. Close ends the stream and leaves w open.
// A level that does not exist stands for DefaultLevel.
func NewWriter(w io.Writer, level int) io.WriteCloser {
	z, err := zlib.NewWriterLevel(w, level)
	if err != nil {
		z = zlib.NewWriter(w)
	}
	return z
}
