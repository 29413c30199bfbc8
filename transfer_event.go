package paradise

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

func (x *xfer) event() TransferEvent {
	return TransferEvent{
		Session:     x.c.facts(),
		Verb:        x.job.verb,
		Name:        x.job.name,
		Upload:      x.job.way == dirUpload,
		Offset:      x.result.offset,
		ContentType: x.result.contentType,
		Bytes:       x.moved.Load(),
		Stored:      x.result.stored,
		Digests:     x.result.digests,
		Begun:       x.result.begun,
		Started:     x.started,
		Duration:    time.Since(x.started),
		Committed:   x.result.committed,
	}
}

// finishTransferEvent counts, logs and tells the host program how it ended.
func (c *conn) finishTransferEvent(x *xfer, r reply) {
	if x.job.way == dirNone {
		return
	}
	e := x.event()
	e.Code, e.Err = r.code, r.err
	if r.code >= 400 && e.Err == nil {
		e.Err = errors.New(r.text)
	}
	c.env.counters.transferEnded(x.job.way, &e, r.text)
	s := c.facts()
	c.logTransfer(s, e)
	if h := c.env.hooks.TransferEnd; h != nil {
		c.observe(func() { h(context.WithoutCancel(x.ctx), e) })
	}
}

// logTransfer makes nothing of what the logger does not want.
func (c *conn) logTransfer(s *Session, e TransferEvent) {
	if !c.env.log.Enabled(c.base, slog.LevelInfo) {
		return
	}
	facts := []any{"session", s.ID, "user", s.User.Name, "verb", e.Verb, "name", e.Name,
		"bytes", e.Bytes, "duration", e.Duration, "code", e.Code}
	if e.Upload {
		facts = append(facts, "stored", e.Stored, "type", e.ContentType)
	}
	if e.Err != nil {
		facts = append(facts, "error", e.Err)
	}
	if hint := looser(&e); hint != "" {
		facts = append(facts, "hint", hint)
	}
	c.env.log.Info("transfer", facts...)
}

// looser names the setting that would have taken an upload, with its key in the
// bundled server, and clients whose uploads all end like this one.
func looser(e *TransferEvent) string {
	switch {
	case !e.Upload:
		return ""
	case e.Err == ErrTruncated: // not within a record
		return "FtpWebRequest of .NET and Mono, FluentFTP without GnuTLS and PyFilesystem end uploads so: " +
			"Policy.AllowUnclosedTLS takes them, key allow-unclosed-tls"
	case errors.Is(e.Err, ErrControlLost):
		return "ffmpeg ends uploads so: Policy.AllowLostControl takes them, key allow-lost-control"
	}
	return ""
}
