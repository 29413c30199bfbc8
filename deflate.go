package paradise

import (
	"bufio"
	"compress/flate"
	"compress/zlib"
	"errors"
	"io"
)

// MODE Z carries a zlib stream (RFC 1950), as lftp and ProFTPD do; raw deflate
// is what broke other servers' clients.

const (
	defaultDeflateLevel = 6
	bombRatio           = 1000     // no honest file inflates more than this ...
	bombFree            = 10 << 20 // ... once it is larger than this
)

var (
	errBomb   = errors.New("paradise: deflated upload grows out of proportion")
	errBehind = errors.New("paradise: bytes behind the end of the zlib stream")
)

// inflater reads a MODE Z upload.
type inflater struct {
	wire *bufio.Reader // our own: zlib would hide what it reads ahead
	in   int64
	out  int64
	z    io.ReadCloser
}

func newInflater(wire io.Reader) *inflater {
	f := &inflater{}
	f.wire = bufio.NewReaderSize(countingReader{wire, &f.in}, bufferSizes[0])
	return f
}

// Read bounds what a few bytes may grow to.
func (f *inflater) Read(p []byte) (int, error) {
	if f.z == nil {
		if _, err := f.wire.Peek(1); err != nil {
			return 0, err // nothing at all is an empty file
		}
		z, err := zlib.NewReader(f.wire)
		if err != nil {
			return 0, f.wrap(err)
		}
		f.z = z
	}
	n, err := f.z.Read(p)
	f.out += int64(n)
	if f.out > bombFree && f.out/bombRatio > f.in {
		return n, &ReplyError{Code: 552, Text: "Compressed data grows out of proportion", Err: errBomb}
	}
	if err == io.EOF {
		return n, f.drain()
	}
	if err != nil {
		return n, f.wrap(err)
	}
	return n, nil
}

// drain waits for the end of the connection behind the end of the stream, so
// that a broken one is noticed. A byte there belongs to no file: to drop it would
// publish less than was sent.
func (f *inflater) drain() error {
	_, err := f.wire.ReadByte()
	if err != nil {
		return err
	}
	return &ReplyError{Code: 451, Text: "Bytes behind the end of the zlib stream", Err: errBehind}
}

// wrap makes a format error a refusal; errors of the connection pass.
func (f *inflater) wrap(err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	if corrupt || errors.Is(err, zlib.ErrHeader) || errors.Is(err, zlib.ErrChecksum) || errors.Is(err, zlib.ErrDictionary) {
		return &ReplyError{Code: 451, Text: "Not a zlib stream", Err: err}
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

func newDeflater(w io.Writer, level int) io.WriteCloser {
	z, err := zlib.NewWriterLevel(w, level)
	if err != nil {
		z = zlib.NewWriter(w)
	}
	return z
}
