package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/paradiseftp/paradise/events"
	"github.com/paradiseftp/paradise/internal/printable"
)

const (
	logQueue = 1 << 20         // bytes of lines that wait to be written
	logFlush = 2 * time.Second // how long the end of the process waits for them
)

// openLog returns the writer of the log on standard error, which may be blocked: by a full
// pipe or a paused terminal. Sessions do not wait for it.
func openLog(cfg *config) *events.Writer {
	out := events.NewWriter(os.Stderr, logQueue)
	out.Dropping = func(n uint64) []byte {
		var line bytes.Buffer
		slog.New(logFormat(cfg, &line)).Warn("lines of the log dropped: nobody read it",
			"pid", os.Getpid(), "dropped", n, "total", out.Dropped())
		return line.Bytes()
	}
	return out
}

// flush closes logs, and waits at most logFlush until their lines are written.
func flush(logs ...*events.Writer) {
	ctx, cancel := context.WithTimeout(context.Background(), logFlush)
	defer cancel()
	for _, out := range logs {
		out.Close(ctx)
	}
}

func logFormat(cfg *config, out io.Writer) slog.Handler {
	o := &slog.HandlerOptions{Level: slog.LevelDebug}
	if cfg.logFormat == "json" {
		return slog.NewJSONHandler(escaping{out}, o)
	}
	return slog.NewTextHandler(escaping{out}, o)
}

// escaping escapes characters that are not safe to show and that slog's handlers let
// through: JSON escapes only the first 32 characters, and text not all invisible ones.
type escaping struct{ io.Writer }

func (e escaping) Write(line []byte) (int, error) {
	if _, err := e.Writer.Write(printable.Escape(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// newLogger returns a logger that writes lines of at least level to out, and also the
// traced lines of single users.
func newLogger(cfg *config, out io.Writer, level slog.Leveler, tracing func() bool) *slog.Logger {
	return slog.New(traceFilter{logFormat(cfg, out), level, tracing, slog.Int("pid", os.Getpid())})
}

// traceFilter passes on the lines of traced sessions at any level. The server logs such
// lines only for users who are traced.
type traceFilter struct {
	slog.Handler
	level   slog.Leveler
	tracing func() bool // reports whether any user is traced
	pid     slog.Attr   // added to every line, because the processes of a restart share the log
}

func (f traceFilter) Enabled(_ context.Context, level slog.Level) bool {
	return level >= f.level.Level() || f.tracing()
}

func (f traceFilter) Handle(ctx context.Context, r slog.Record) error {
	traced := r.Level == slog.LevelDebug && (r.Message == "command" || r.Message == "reply")
	if r.Level < f.level.Level() && !traced {
		return nil
	}
	r.AddAttrs(f.pid)
	return f.Handler.Handle(ctx, r)
}

func (f traceFilter) WithAttrs(a []slog.Attr) slog.Handler {
	return traceFilter{f.Handler.WithAttrs(a), f.level, f.tracing, f.pid}
}

func (f traceFilter) WithGroup(name string) slog.Handler {
	return traceFilter{f.Handler.WithGroup(name), f.level, f.tracing, f.pid}
}
