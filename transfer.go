package paradise

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/time/rate"

	"github.com/paradiseftp/paradise/internal/ftptls"
	"github.com/paradiseftp/paradise/internal/sock"
	"github.com/paradiseftp/paradise/internal/zstream"
)

// transfer is the immutable order of a transfer: what the client had set when
// it gave the command. Nothing that it says later can change it.
type transfer struct {
	x       *xfer
	s       *Session
	files   FileDriver
	name    string
	ascii   bool // convert line ends
	deflate bool
	level   int
	offset  int64
	end     int64 // of RANG, exclusive; -1 without
	secure  *ftptls.Data
	wait    *Timeouts
	limits  []*rate.Limiter

	data net.Conn // plain, or TLS
	raw  net.Conn
	wire *ftptls.Wire // of TLS
}

// order copies what a transfer needs from the session.
func (c *conn) order(name string, way direction) *transfer {
	p := &c.params
	t := &transfer{
		s:       c.facts(),
		files:   c.files(),
		name:    name,
		ascii:   c.converts(),
		deflate: p.deflate,
		level:   int(p.level),
		offset:  p.offset,
		end:     p.rangeEnd,
		secure:  c.dataTLS(way == dirUpload),
		wait:    &c.env.timeouts,
	}
	own, shared := t.s.Policy.DownloadRate, c.env.admission.download
	if way == dirUpload {
		own, shared = t.s.Policy.UploadRate, c.env.admission.upload
	}
	for _, l := range []*rate.Limiter{byteLimiter(own), shared} {
		if l != nil {
			t.limits = append(t.limits, l)
		}
	}
	return t
}

// connect waits for the data connection and secures it.
func (t *transfer) connect() error {
	t.x.setOpening(true)
	defer t.x.setOpening(false)
	raw, err := t.x.data.open(t.x.ctx, t.wait.Data)
	if err != nil {
		return err
	}
	t.raw, t.data = raw, raw
	if t.secure == nil {
		return nil
	}
	t.wire = ftptls.NewWire(raw)
	conn, err := t.x.data.secure(t.x.ctx, t.wire, t.secure, t.wait.Handshake)
	if err != nil {
		t.wire.CloseWrite(conn, closeNotifyTime)
		sock.CloseWrite(raw)
		t.x.result.refused = t
		return err
	}
	t.data = conn
	return nil
}

// preliminary sends the 150.
func (t *transfer) preliminary(text string) {
	t.x.data.settle(t.secure != nil)
	t.x.preliminary(say(150, text))
}

// connectReply is the refusal for a data connection that did not come about.
func (t *transfer) connectReply(err error) reply {
	err = t.x.reason(err)
	r := reply{code: 425, text: "Can't open data connection", err: err}
	switch {
	case errors.Is(err, errNotResumed):
		r.code, r.text = 522, "TLS session of the control connection must be resumed on the data connection"
	case errors.Is(err, errHandshake):
		r.code, r.text = 522, "TLS negotiation failed on the data connection"
	case errors.Is(err, ErrAborted), errors.Is(err, ErrControlLost),
		errors.Is(err, ErrKicked), errors.Is(err, ErrServerClosed):
		return replyFor(err, 426)
	case errors.Is(err, errForeign):
		r.text = "Data connection came from another address than the control connection, and none from the same in time"
	case errors.Is(err, errNoPeer):
		r.text = "Data connection was not opened in time"
	case errors.Is(err, errUnreachable) && errors.Is(err, syscall.ECONNREFUSED):
		r.text += ", your side refuses it: try passive mode"
	case errors.Is(err, errUnreachable) && isTimeout(err):
		r.text += ", your side does not answer: try passive mode"
	}
	return r
}

// isTimeout reports whether the time was up for what failed.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout()
}

// broken says what an error of the data connection means. One that carries its
// reply is about what came over it.
func (t *transfer) broken(err error) error {
	err = streamError(t.x.reason(err))
	_, told := errors.AsType[*ReplyError](err)
	switch {
	case told:
		return err
	case errors.Is(err, errTimeout):
		return ErrStalled
	case errors.Is(err, io.ErrUnexpectedEOF) && t.wire != nil:
		return errors.Join(ErrTruncated, err)
	case isCause(err):
		return err
	}
	return errors.Join(ErrDataLost, err)
}

// streamError gives what is wrong with the zlib stream of an upload its reply. Other
// errors pass.
func streamError(err error) error {
	switch {
	case errors.Is(err, zstream.ErrRatio):
		return &ReplyError{Code: 552, Text: "Compressed data grows out of proportion", Err: err}
	case errors.Is(err, zstream.ErrTrailing):
		return &ReplyError{Code: 451, Text: "Bytes behind the end of the zlib stream", Err: err}
	case errors.Is(err, zstream.ErrFormat):
		return &ReplyError{Code: 451, Text: "Not a zlib stream", Err: err}
	}
	return err
}

// isCause reports whether err says already why a transfer ended.
func isCause(err error) bool {
	for _, cause := range []error{
		ErrAborted, ErrControlLost, ErrDataLost, ErrTruncated,
		ErrStalled, ErrKicked, ErrServerClosed, ErrDriverBlocked,
	} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// endOfData checks an end that the stream called clean: over TLS the client
// must have said so itself.
func (t *transfer) endOfData() error {
	if t.wire == nil {
		return nil
	}
	if t.wire.Ended() && !t.s.Policy.AllowUnclosedTLS {
		return ErrTruncated
	}
	return nil
}

// finish closes a data connection whose bytes are all there: over TLS with our
// close_notify, so that the client sees a clean end. An upload is complete with
// the client's own, whether or not it takes ours; a download may have to wait
// until the client has made room for it.
func (t *transfer) finish() error {
	defer t.x.data.Close()
	conn, ok := t.data.(*tls.Conn)
	if !ok {
		return nil
	}
	if t.x.job.way == dirUpload {
		t.wire.CloseWrite(conn, closeNotifyTime)
		return nil
	}
	err := t.wire.CloseWrite(conn, t.wait.Stall)
	if errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// pace waits until n more bytes may pass.
func (t *transfer) pace(n int) error {
	for _, l := range t.limits {
		for left := n; left > 0; {
			step := min(left, l.Burst())
			if err := l.WaitN(t.x.ctx, step); err != nil {
				return t.x.reason(err)
			}
			left -= step
		}
	}
	return nil
}

// burst is the most that may be read or written at once under the rates.
func (t *transfer) burst() int {
	n := largeBuffer
	for _, l := range t.limits {
		n = min(n, l.Burst())
	}
	return n
}

// moved counts bytes on the wire, for the session and for the server.
func (t *transfer) moved(n int) {
	t.x.moved.Add(int64(n))
	t.x.c.env.counters.bytes[t.x.job.way].Add(int64(n))
}

// begun tells the host program that the data connection is there.
func (t *transfer) begun() {
	if h := t.x.c.env.hooks.TransferStart; h != nil {
		t.x.c.observe(func() { h(t.x.ctx, t.x.event()) })
	}
}

// linger lets a client that still sends what we have refused read the reply, over TLS
// up to its close_notify and ours.
func (t *transfer) linger() {
	drain(t.data, t.raw)
	if conn, ok := t.data.(*tls.Conn); ok {
		t.wire.CloseWrite(conn, closeNotifyTime)
	}
}
