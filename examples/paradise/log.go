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
	logQueue = 1 << 20         // bytes of lines that wait for whoever reads the log
	logFlush = 2 * time.Second // how long the end of the process waits for him
)

// openLog takes the lines for standard error, which nobody may read: a pipe that is
// full, a paused terminal. Sessions do not wait for it.
func openLog(cfg *config) *events.Writer {
	out := events.NewWriter(os.Stderr, logQueue)
	out.Dropping = func(n uint64) []byte {
		var line bytes.Buffer
		slog.New(logFormat(cfg, &line)).Warn("lines of the log dropped: nobody read it", "pid", os.Getpid(), "dropped", n, "total", out.Dropped())
		return line.Bytes()
	}
	return out
}

// flush ends logs: what waits is written, if it is taken in time.
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

// escaping escapes what the forms of slog let through of names that are not fit for a
// screen: JSON all but the first 32 characters, text some that cannot be seen.
type escaping struct{ io.Writer }

func (e escaping) Write(line []byte) (int, error) {
	if _, err := e.Writer.Write(printable.Escape(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// newLogger logs to out from level upwards, and the traced lines of single users
// below it.
func newLogger(cfg *config, out io.Writer, level slog.Leveler, tracing func() bool) *slog.Logger {
	return slog.New(traceFilter{logFormat(cfg, out), level, tracing, slog.Int("pid", os.Getpid())})
}

// traceFilter lets the lines of a traced session through at any level: they are
// only made for users who are to be traced.
type traceFilter struct {
	slog.Handler
	level   slog.Leveler
	tracing func() bool // whether there are any
	pid     slog.Attr   // ends every line: the processes of a restart share the log
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
