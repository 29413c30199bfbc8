package main

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/events"
)

const (
	xferlogQueue = 4096            // lines that wait for a slow disk
	xferlogFlush = 5 * time.Second // how long a process that ends waits for it
)

// xferlog is the file of -xferlog; nil: there is none. Processes that drain
// after a restart append to the same file.
type xferlog struct {
	name   string
	log    *slog.Logger
	events *events.Dispatcher

	mu     sync.Mutex
	file   *os.File
	failed bool // the last line; others after it are not reported
}

// openXferlog returns nil where there is none. A mere check of the configuration
// opens nothing.
func openXferlog(cfg *config, log *slog.Logger) (*xferlog, error) {
	if cfg.xferlog == "" || cfg.checkOnly {
		return nil, nil
	}
	x := &xferlog{name: cfg.xferlog, log: log}
	if err := x.reopen(); err != nil {
		return nil, err
	}
	x.events = events.New(xferlogQueue, paradise.Hooks{TransferEnd: events.Xferlog(x)})
	x.events.Logger = log
	return x, nil
}

func (x *xferlog) hooks() paradise.Hooks {
	if x == nil {
		return paradise.Hooks{}
	}
	return x.events.Hooks()
}

// Write appends a line. A file that was renamed is left: a process that drains
// gets no signal when logs are rotated.
func (x *xferlog) Write(line []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var err error
	if x.moved() {
		err = x.open()
	}
	n, wrong := x.file.Write(line)
	if err == nil {
		err = wrong
	}
	if err != nil && !x.failed {
		x.log.Error("xferlog", "error", err)
	}
	x.failed = err != nil
	return n, wrong
}

// moved reports whether the name stands for another file by now, or for none.
func (x *xferlog) moved() bool {
	ours, err1 := x.file.Stat()
	named, err2 := os.Stat(x.name)
	return err1 == nil && (err2 != nil || !os.SameFile(ours, named))
}

// reopen takes the file that has the name now, and makes it if there is none.
func (x *xferlog) reopen() error {
	if x == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.open()
}

// xferlogMode: names and addresses are not for everybody.
const xferlogMode fs.FileMode = 0o640

func (x *xferlog) open() error {
	f, err := os.OpenFile(x.name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, xferlogMode)
	if err != nil {
		return err
	}
	if x.file != nil {
		x.file.Close()
	}
	x.file = f
	return nil
}

// close comes when the server has stopped.
func (x *xferlog) close() {
	if x == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), xferlogFlush)
	defer cancel()
	x.events.Close(ctx)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.file.Close()
}
