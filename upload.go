package paradise

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/paradiseftp/paradise/internal/ascii"
	"github.com/paradiseftp/paradise/internal/zstream"
)

// upload is one file on its way in. Its endings are decided in one place:
// docs/uploads.md is the table.
type upload struct {
	*transfer
	opts    StoreOptions
	up      Upload
	reply   string // text of the 150
	limit   int64  // of the resulting file; 0 without
	base    int64  // its size before the first byte that comes
	digest  *digester
	expect  map[Digest]string
	strict  int64  // size that ALLO said, where it must hold; 0 without
	came    []byte // with an old file: the first bytes that came
	judged  []byte // and those of the whole, as they were let in
	began   bool
	stored  int64
	decoder *ascii.Decoder
	scratch []byte
	rate    rateFloor
}

// run is an upload from Store to its final reply.
func (u *upload) run(x *xfer) reply {
	u.x = x
	x.result.offset = u.offset
	if u.opts.SizeHint > 0 {
		x.size.Store(u.opts.SizeHint) // for people
	}
	defer func() {
		if p := recover(); p != nil {
			u.abort(errPanic)
			panic(p)
		}
	}()
	if err := u.store(); err != nil {
		return replyFor(x.reason(err), 502)
	}
	u.preliminary(u.reply)
	err := u.connect()
	if err != nil {
		u.abort(x.reason(err))
		return u.connectReply(err)
	}
	x.result.begun = true
	u.begun()
	err = u.receive()
	if err == nil {
		err = u.commit()
	}
	x.result.stored = u.stored
	if err != nil {
		u.abort(err)
		return u.refusal(err)
	}
	return say(226, "OK, received "+itoa(x.moved.Load())+" bytes")
}

// store asks the driver; a refusal costs no 150.
func (u *upload) store() error {
	u.x.guard()
	defer u.x.unguard()
	if u.joins() {
		u.opts.Accept = u.result
	}
	up, err := u.files.Store(u.x.ctx, u.s, u.name, u.opts)
	if err == nil && up == nil {
		err = errors.New("paradise: driver returned no Upload and no error")
	}
	u.up = up
	return err
}

// joins reports whether the result may begin with bytes of an old file.
func (u *upload) joins() bool { return u.opts.Offset > 0 || u.opts.Append }

// result judges once more where the result differs from what was let in: the old
// file may have gone meanwhile, or have been replaced.
func (u *upload) result(head []byte, size int64) error {
	if u.limit > 0 && size > u.limit {
		return ErrTooLarge
	}
	head = head[:min(len(head), u.x.c.env.sniffLen)]
	if bytes.Equal(head, u.judged) || u.ascii && bytes.HasPrefix(head, u.judged) {
		return nil // of text fewer bytes are judged than came
	}
	return u.x.judge(u.s, u.name, &UploadInfo{Head: u.came}, head)
}

// receive takes the stream in: the first bytes are looked at before the driver
// sees any.
func (u *upload) receive() error {
	src, err := u.source()
	if err != nil {
		return err
	}
	class := 0
	buf := getBuffer(class)
	defer func() { putBuffer(class, buf) }()
	n, ended, err := u.sniffed(src, *buf)
	if err != nil {
		return err
	}
	if err := u.write((*buf)[:n]); err != nil {
		return err
	}
	for !ended {
		n, err := src.Read(*buf)
		if werr := u.write((*buf)[:n]); werr != nil {
			return werr
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return u.broken(err)
		}
		if n == len(*buf) && class < len(bufferSizes)-1 {
			if class == len(bufferSizes)-2 {
				if ended, err = u.splice(); err != nil {
					return err
				}
			}
			putBuffer(class, buf)
			class++
			buf = getBuffer(class)
		}
	}
	return u.endOfData()
}

// source is the data connection, inflated if need be, under the stall limit and
// the rates.
func (u *upload) source() (io.Reader, error) {
	wire := &wireReader{t: u.transfer, floor: &u.rate}
	u.rate.start(u.s.Policy.MinUploadRate)
	if !u.deflate {
		return wire, nil
	}
	return zstream.NewReader(wire), nil
}

// sniffed fills the beginning of buf, has it judged and calls Begin. ended says
// that this is all.
func (u *upload) sniffed(src io.Reader, buf []byte) (n int, ended bool, err error) {
	want := u.x.c.env.sniffLen
	for n < want && !ended {
		k, rerr := src.Read(buf[n:])
		n += k
		ended = rerr == io.EOF
		if rerr != nil && !ended {
			return n, false, u.broken(rerr)
		}
	}
	head, whole := buf[:n], ended
	if u.ascii {
		u.decoder = &ascii.Decoder{}
		head = (&ascii.Decoder{}).Decode(nil, head)
	}
	if n > want {
		whole = false
	}
	info, err := u.look(head[:min(len(head), want)], whole)
	if err != nil {
		return n, ended, err
	}
	u.x.result.contentType = info.ContentType
	return n, ended, u.begin(info)
}

func (u *upload) begin(info UploadInfo) error {
	u.x.guard()
	defer u.x.unguard()
	u.began = true
	err := u.up.Begin(u.x.ctx, info)
	if err == nil {
		err = u.keepsOld()
	}
	return u.x.reason(err)
}

// keepsOld refuses to resume before the end of a file that the user must not replace.
// It looks behind Begin, since there the storage has settled what it goes on from: what
// changes later ends the upload.
func (u *upload) keepsOld() error {
	if u.opts.Offset == 0 || u.s.Policy.Deny&PermOverwrite == 0 {
		return nil
	}
	e, err := u.files.Stat(u.x.ctx, u.s, u.name)
	if err == nil && u.opts.onto(e)&PermOverwrite != 0 {
		return fs.ErrPermission
	}
	return nil
}

// write converts, bounds, digests and hands on.
func (u *upload) write(p []byte) error {
	if u.ascii {
		u.scratch = u.decoder.Decode(u.scratch[:0], p)
		p = u.scratch
	}
	return u.writeStored(p)
}

func (u *upload) writeStored(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if u.limit > 0 && u.base+u.stored+int64(len(p)) > u.limit {
		return ErrTooLarge
	}
	u.x.guard()
	n, err := u.up.Write(p)
	u.x.unguard()
	u.stored += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return u.x.reason(err)
	}
	u.digest.write(p)
	return nil
}

// commit publishes the file if everything about its end is right.
func (u *upload) commit() error {
	if u.ascii {
		if err := u.writeStored(u.decoder.Flush(nil)); err != nil {
			return err
		}
	}
	if err := u.finish(); err != nil {
		return u.broken(err)
	}
	if err := u.complete(); err != nil {
		return err
	}
	if err := u.x.controlAlive(u.proved()); err != nil {
		return u.x.reason(err)
	}
	if err := u.x.commitNow(); err != nil {
		return err
	}
	u.x.guard()
	defer u.x.unguard()
	if err := u.up.Commit(u.x.ctx); err != nil {
		return u.x.reason(err)
	}
	u.up = nil
	u.x.result.committed = true
	u.x.c.noteDigests(u)
	return nil
}

// proved reports whether the client has told where its data ends, and it ended there:
// by close_notify, by the end of a zlib stream, by digest or size. In the clear a FIN
// alone may be that of a client that died.
func (u *upload) proved() bool {
	notified := u.wire != nil && !u.wire.Ended()
	ended := u.deflate && u.x.moved.Load() > 0
	measured := len(u.expect) > 0 || u.opts.SizeHint > 0 && u.stored == u.opts.SizeHint
	return notified || ended || measured
}

// complete holds the whole against what the client had said of it.
func (u *upload) complete() error {
	u.x.result.digests = u.digest.sums()
	if u.strict > 0 && u.stored != u.strict {
		return ErrSizeMismatch
	}
	for kind, want := range u.expect {
		if u.x.result.digests[kind] != want {
			return ErrDigestMismatch
		}
	}
	return nil
}

// abort ends an upload that was not committed, exactly once and beside nothing.
func (u *upload) abort(cause error) {
	if u.up == nil {
		return
	}
	up := u.up
	u.up = nil
	u.x.guard()
	defer u.x.unguard()
	defer func() {
		if p := recover(); p != nil {
			u.x.c.panicked(p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.x.ctx), u.wait.Driver)
	defer cancel()
	up.Abort(ctx, cause)
}

// refusal is the reply for an upload that failed after its 150. If it was us
// who stopped reading, the connection is closed gently once the reply is out.
func (u *upload) refusal(err error) reply {
	if !isCause(err) || errors.Is(err, ErrStalled) {
		u.x.result.refused = u.transfer
	}
	return replyFor(err, 451)
}

// wireReader reads the data connection under the stall limit, counts and paces.
type wireReader struct {
	t     *transfer
	floor *rateFloor
}

func (r *wireReader) Read(p []byte) (int, error) {
	t := r.t
	p = p[:min(len(p), t.burst())]
	t.raw.SetReadDeadline(time.Now().Add(t.wait.Stall))
	n, err := t.data.Read(p)
	if n > 0 {
		t.moved(n)
		if perr := t.pace(n); perr != nil {
			return n, perr
		}
	}
	if err == nil {
		err = r.floor.check(t.x.moved.Load())
	}
	return n, err
}

// rateFloor aborts uploads that crawl.
type rateFloor struct {
	min   int64
	since time.Time
	moved int64
}

const rateFloorPeriod = 30 * time.Second

func (f *rateFloor) start(min int64) { f.min, f.since = min, time.Now() }

func (f *rateFloor) check(moved int64) error {
	if f.min <= 0 {
		return nil
	}
	d := time.Since(f.since)
	if d < rateFloorPeriod {
		return nil
	}
	if float64(moved-f.moved) < float64(f.min)*d.Seconds() {
		return ErrStalled
	}
	f.since, f.moved = time.Now(), moved
	return nil
}

// onto is what an upload needs for a file that is there. One that resumes before its end
// replaces the rest.
func (o *StoreOptions) onto(e Entry) Perm {
	switch {
	case o.Offset > 0 && e.Size > o.Offset:
		return PermAppend | PermOverwrite
	case o.Append, o.Offset > 0:
		return PermAppend
	}
	return PermOverwrite
}

// noteDigests keeps what an upload's one pass computed. The file is published:
// a driver that panics now changes nothing about that.
func (c *conn) noteDigests(u *upload) {
	sums := u.x.result.digests
	c.params.lastUpload = nil
	if sums == nil || u.opts.Offset != 0 || u.opts.Append {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			c.panicked(p)
		}
	}()
	e, err := u.x.watched(u.files).Stat(u.x.ctx, u.s, u.name)
	if err != nil || e.Size != u.stored {
		return
	}
	c.params.lastUpload = &digestRecord{name: u.name, size: e.Size, modTime: e.ModTime, sums: sums}
}
