package paradise

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/paradiseftp/paradise/internal/printable"
)

// reply sends a command's final reply and holds it against the table: a code
// that the row does not have is a bug of ours.
func (c *conn) reply(cmd *command, verb, shown string, r reply) {
	if r.code == 0 {
		return
	}
	if cmd != nil && !cmd.allows(r.code) && !replyFromHost(r.err) {
		c.env.counters.unexpected.Add(1)
		c.env.log.Error("reply outside the command table", "verb", verb, "code", r.code)
	}
	if r.err != nil && r.err != errHostReply {
		c.env.log.Info("command failed", "session", c.facts().ID, "verb", verb, "code", r.code, "error", r.err)
	}
	c.send(r)
	c.observe(func() { c.env.hooks.after(c.ctx, c.facts(), verb, shown, r.code) })
}

// replyFromHost reports whether the host program chose the code itself.
func replyFromHost(err error) bool {
	_, ok := errors.AsType[*ReplyError](err)
	return ok || errors.Is(err, errHostReply)
}

// send says a reply. It and the refusal of Telnet options write to the control
// connection, and nothing else does.
func (c *conn) send(r reply) error {
	if r.code == 0 {
		return nil
	}
	buf := replyBuffers.Get().(*[]byte)
	b := doubleIAC(c.encode(appendReply((*buf)[:0], r)))
	c.trace("reply", r.code, r.text, "")
	err := c.write(b, r.opens)
	if cap(b) <= replyBufferKept {
		*buf = b[:0]
		replyBuffers.Put(buf)
	}
	return err
}

func (c *conn) write(b []byte, opens *xfer) error {
	c.sending.take()
	defer c.sending.pass()
	if opens != nil {
		opens.opened.Store(true)
	}
	c.nc.SetWriteDeadline(time.Now().Add(c.env.timeouts.Reply))
	if c.ctx.Err() != nil { // after the line above: stop sets a short deadline too
		c.raw.SetWriteDeadline(time.Now().Add(closeNotifyTime))
	}
	_, err := c.nc.Write(b)
	if err != nil {
		c.raw.Close() // a client that takes no replies gets no more of them
	}
	return err
}

// trace logs the control connection for users whose policy asks for it.
func (c *conn) trace(kind string, code int, text, arg string) {
	s := c.facts()
	if !s.Policy.Trace {
		return
	}
	if arg != "" {
		text += " " + arg
	}
	c.env.log.LogAttrs(context.Background(), slog.LevelDebug, kind, slog.Uint64("session", s.ID),
		slog.Int("code", code), slog.String("text", printable.Text(text)))
}
