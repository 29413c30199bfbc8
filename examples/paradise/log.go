package main

import (
	"context"
	"log/slog"
	"os"
)

// newLogger logs to standard error from level upwards, and the traced lines of
// single users below it.
func newLogger(cfg *config, level slog.Leveler, tracing func() bool) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelDebug}
	var h slog.Handler = slog.NewTextHandler(os.Stderr, o)
	if cfg.logFormat == "json" {
		h = slog.NewJSONHandler(os.Stderr, o)
	}
	return slog.New(traceFilter{h, level, tracing, slog.Int("pid", os.Getpid())})
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
