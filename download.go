package paradise

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/paradiseftp/paradise/internal/ascii"
	"github.com/paradiseftp/paradise/internal/sock"
	"github.com/paradiseftp/paradise/internal/zstream"
)

// download sends one file.
type download struct {
	*transfer
	kind string // of TYPE, for the 150
	src  io.ReadCloser
}

// run is a download from Open to its final reply.
func (d *download) run(x *xfer) reply {
	d.x = x
	x.result.offset = d.offset
	if err := d.openFile(); err != nil {
		return replyFor(x.reason(err), 502)
	}
	defer d.closeFile()
	file := fileOf(d.src)
	d.preliminary("Opening " + d.kind + " mode data connection" + d.sizeText(file) + ".")
	if err := d.connect(); err != nil {
		return d.connectReply(err)
	}
	x.result.begun = true
	d.begun()
	if err := d.send(file); err != nil {
		return replyFor(x.reason(err), 451)
	}
	if err := d.finish(); err != nil {
		return replyFor(d.broken(err), 426)
	}
	return say(226, "Closing data connection, sent "+itoa(x.moved.Load())+" bytes")
}

func (d *download) openFile() error {
	d.x.guard()
	defer d.x.unguard()
	src, err := d.files.Open(d.x.ctx, d.s, d.name, d.offset)
	if err == nil && src == nil {
		err = errors.New("paradise: driver returned no file and no error")
	}
	d.src = src
	return err
}

func (d *download) closeFile() {
	d.x.guard()
	defer d.x.unguard()
	d.src.Close()
}

// fileOf finds the regular file behind what a driver opened, nil if there is
// none.
func fileOf(r io.Reader) *os.File {
	switch v := r.(type) {
	case *os.File:
		return v
	case interface{ File() *os.File }:
		return v.File()
	}
	return nil
}

// sizeText tells the size where it costs nothing to know.
func (d *download) sizeText(file *os.File) string {
	if file == nil {
		return ""
	}
	fi, err := file.Stat()
	if err != nil {
		return ""
	}
	size := fi.Size() - d.offset
	if d.end >= 0 {
		size = min(size, d.end-d.offset)
	}
	d.x.size.Store(size)
	if d.ascii || d.deflate {
		return "" // other bytes go out
	}
	return " (" + itoa(size) + " bytes)"
}

func (d *download) send(file *os.File) error {
	tcp := sock.TCP(d.raw)
	if file != nil && tcp != nil && d.secure == nil && !d.ascii && !d.deflate {
		return d.sendFile(tcp, file)
	}
	sink := d.sink()
	if err := d.copy(sink); err != nil {
		return err
	}
	return d.ended(sink.Close())
}

// ended passes nil on.
func (t *transfer) ended(err error) error {
	if err == nil {
		return nil
	}
	return t.broken(err)
}

const (
	smallChunk = 64 << 10
	firstChunk = 1 << 20
	largeChunk = 16 << 20
)

// sendFile leaves the copying to the kernel. Chunks keep to a size that lets
// counters, rates and the stall limit act at least twice a second.
func (d *download) sendFile(tcp *net.TCPConn, file *os.File) error {
	chunk := int64(min(firstChunk, max(d.burst(), 1)))
	if len(d.limits) == 0 {
		chunk = firstChunk
	}
	src := &io.LimitedReader{R: file}
	left := d.left()
	progress := time.Now()
	for left > 0 {
		want := min(chunk, left)
		src.N = want
		began := time.Now()
		tcp.SetWriteDeadline(sock.WriteDeadline(progress, began, d.wait.Stall))
		n, err := tcp.ReadFrom(src)
		d.moved(int(n))
		d.x.result.stored += n
		left -= n
		if err == nil && n < want {
			return d.whole()
		}
		if err != nil {
			if err := d.resume(file, want-src.N-n, progress, n, err); err != nil {
				return err
			}
		}
		if n > 0 {
			if err := d.pace(int(n)); err != nil {
				return err
			}
			progress = time.Now()
		}
		chunk = d.nextChunk(chunk, time.Since(began))
	}
	return nil
}

// resume says whether sending may go on after an error: a chunk that ran out of
// time may, unless nothing has moved for the stall limit. Where the kernel could
// not send the file, excess bytes of it were read and not written.
func (d *download) resume(file *os.File, excess int64, progress time.Time, n int64, err error) error {
	if !errors.Is(err, errTimeout) || n == 0 && time.Since(progress) >= d.wait.Stall {
		return d.broken(err)
	}
	if excess == 0 {
		return nil
	}
	_, err = file.Seek(-excess, io.SeekCurrent)
	return err
}

// errShrunk: what was announced with the 150 is not all there any more.
var errShrunk = &ReplyError{Code: 451, Text: "File became shorter while it was sent", Err: io.ErrUnexpectedEOF}

// whole holds what the file gave against what was announced, where it was. Some
// files were never as long as their size says: those of sysfs, for one.
func (d *download) whole() error {
	announced := d.x.size.Load()
	if d.x.result.stored >= announced {
		return nil
	}
	if fi, err := fileOf(d.src).Stat(); err == nil && fi.Size()-d.offset >= announced {
		return nil
	}
	return d.x.reason(errShrunk)
}

// left is how many bytes the client wants at most.
func (d *download) left() int64 {
	if d.end >= 0 {
		return max(d.end-d.offset, 0)
	}
	return 1<<63 - 1
}

func (d *download) nextChunk(chunk int64, took time.Duration) int64 {
	switch {
	case len(d.limits) > 0:
		return chunk
	case took > 500*time.Millisecond:
		return max(chunk/2, smallChunk)
	case took < 100*time.Millisecond:
		return min(chunk*2, largeChunk)
	}
	return chunk
}

// copy moves the bytes through a buffer, for everything that sendfile cannot.
func (d *download) copy(sink io.Writer) error {
	const class = len(bufferSizes) - 1
	buf := getBuffer(class)
	defer putBuffer(class, buf)
	var src io.Reader = d.src
	if d.end >= 0 {
		src = io.LimitReader(src, d.left())
	}
	var enc *ascii.Encoder
	var text []byte
	if d.ascii {
		enc = &ascii.Encoder{}
	}
	for {
		d.x.guard()
		n, err := src.Read(*buf)
		d.x.unguard()
		d.x.result.stored += int64(n)
		out := (*buf)[:n]
		if enc != nil {
			text = enc.Encode(text[:0], out)
			out = text
		}
		if _, werr := sink.Write(out); werr != nil {
			return d.broken(werr)
		}
		if err == io.EOF {
			return d.whole()
		}
		if err != nil {
			return d.x.reason(err)
		}
	}
}

// sink is where bytes for the client go: deflated if need be.
func (t *transfer) sink() io.WriteCloser {
	wire := &wireWriter{t}
	if t.wire != nil {
		t.wire.SetStall(t.wait.Stall)
	}
	if !t.deflate {
		return wire
	}
	return zstream.NewWriter(wire, t.level)
}

// wireWriter writes to the data connection under the stall limit, counts and
// paces.
type wireWriter struct{ t *transfer }

func (w *wireWriter) Write(p []byte) (int, error) {
	t := w.t
	total := 0
	for len(p) > 0 {
		part := p[:min(len(p), smallChunk, t.burst())]
		n, err := t.write(part)
		t.moved(n)
		total += n
		if err != nil {
			return total, err
		}
		if err := t.pace(n); err != nil {
			return total, err
		}
		p = p[n:]
	}
	return total, nil
}

func (t *transfer) write(p []byte) (int, error) {
	if t.wire != nil {
		return t.data.Write(p) // the stall limit is its wire's: TLS does not go on after a timeout
	}
	return sock.Write(t.raw, p, t.wait.Stall)
}

// Close has nothing to flush; the connection is closed by its owner.
func (w *wireWriter) Close() error { return nil }
