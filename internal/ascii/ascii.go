// Package ascii converts line ends between CRLF on the network and LF in the storage,
// as TYPE A requires (RFC 959, 3.1.1.1). It works on a stream in chunks of any size and
// keeps one bit of state.
package ascii

import "bytes"

// Decoder turns CRLF into LF, for uploads. A CR or LF alone stays. The zero value is
// ready for a new stream.
type Decoder struct {
	cr bool // the last byte was a CR, which is held back
}

// Decode appends the conversion of src to dst, at most len(src)+1 bytes. The two
// must not overlap.
func (d *Decoder) Decode(dst, src []byte) []byte {
	if len(src) == 0 {
		return dst
	}
	if d.cr && src[0] != '\n' {
		dst = append(dst, '\r')
	}
	d.cr = false
	for {
		i := bytes.IndexByte(src, '\r')
		if i < 0 {
			return append(dst, src...)
		}
		dst = append(dst, src[:i]...)
		src = src[i+1:]
		if len(src) == 0 {
			d.cr = true
			return dst
		}
		if src[0] != '\n' {
			dst = append(dst, '\r')
		}
	}
}

// Flush ends the stream: it appends a CR that is held back and resets d for another
// stream.
func (d *Decoder) Flush(dst []byte) []byte {
	if d.cr {
		dst = append(dst, '\r')
	}
	d.cr = false
	return dst
}

// Encoder turns LF into CRLF, for downloads. A CRLF and a CR alone stay. The zero value
// is ready for a new stream. An Encoder holds nothing back, so it has no Flush.
type Encoder struct {
	cr bool // the last byte was a CR
}

// Encode appends the conversion of src to dst, at most 2*len(src) bytes. The two
// must not overlap.
func (e *Encoder) Encode(dst, src []byte) []byte {
	for len(src) > 0 {
		i := bytes.IndexByte(src, '\n')
		if i < 0 {
			e.cr = src[len(src)-1] == '\r'
			return append(dst, src...)
		}
		if i > 0 {
			e.cr = src[i-1] == '\r'
		}
		dst = append(dst, src[:i]...)
		if !e.cr {
			dst = append(dst, '\r')
		}
		dst = append(dst, '\n')
		e.cr = false
		src = src[i+1:]
	}
	return dst
}
