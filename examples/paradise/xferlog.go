package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/events"
)

const (
	xferlogQueue = 16 << 20        // bytes of lines that wait for a slow disk: some hundred thousand
	xferlogFlush = 5 * time.Second // how long a process that ends waits for it
	xferlogOpen  = 5 * time.Second // and SIGHUP for the file to be opened
)

// xferlog is the file of -xferlog; nil: there is none. Processes that drain
// after a restart append to the same file.
type xferlog struct {
	name  string
	log   *slog.Logger
	lines *events.Writer
	fresh atomic.Pointer[os.File] // opened on SIGHUP, to be written to from now on; nil: none

	// What follows belongs to the goroutine of lines.
	file   *os.File // nil: none has been opened yet
	torn   []byte   // begin of a line whose rest could not be written
	failed bool     // the last write; others after it are not reported
}

// openXferlog returns nil where there is none. A mere check of the configuration
// opens nothing.
func openXferlog(cfg *config, log *slog.Logger) (*xferlog, error) {
	if cfg.xferlog == "" || cfg.checkOnly {
		return nil, nil
	}
	x := &xferlog{name: cfg.xferlog, log: log}
	f, err := openAppend(x.name)
	if err != nil && !unread(err) {
		return nil, err
	}
	x.file = f
	x.lines = events.NewWriter(x, xferlogQueue)
	x.lines.Dropping = func(n uint64) []byte {
		log.Error("lines of the xferlog dropped", "dropped", n, "total", x.lines.Dropped())
		return nil
	}
	return x, nil
}

func (x *xferlog) hooks() paradise.Hooks {
	if x == nil {
		return paradise.Hooks{}
	}
	return paradise.Hooks{TransferEnd: events.Xferlog(x.lines)}
}

func (x *xferlog) dropped() uint64 {
	if x == nil {
		return 0
	}
	return x.lines.Dropped()
}

// Write appends lines, on one goroutine.
func (x *xferlog) Write(lines []byte) (int, error) {
	opened := x.follow()
	n, err := x.append(lines)
	if problem := errors.Join(opened, err); problem != nil && !x.failed {
		x.log.Error("xferlog", "error", problem)
	} else if problem == nil && x.failed {
		x.log.Info("xferlog is written again")
	}
	x.failed = opened != nil || err != nil
	return n, err
}

// append writes to the file that is open, and in a new file first what the one
// before got of a line that it could not hold.
func (x *xferlog) append(lines []byte) (int, error) {
	if x.file == nil {
		return 0, errors.New("the file is not open")
	}
	n, err := x.file.Write(lines)
	n = max(n, 0)
	if end := bytes.LastIndexByte(lines[:n], '\n'); end >= 0 {
		x.torn = append(x.torn[:0], lines[end+1:n]...)
	} else {
		x.torn = append(x.torn, lines[:n]...)
	}
	return n, err
}

// follow takes the file that SIGHUP has opened, or the one that has the name now: a
// process that drains gets no signal when logs are rotated. A file that was renamed
// stays in use until there is another.
func (x *xferlog) follow() error {
	f := x.fresh.Swap(nil)
	if f == nil && x.moved() {
		var err error
		if f, err = openAppend(x.name); err != nil {
			return err
		}
	}
	if f == nil {
		return nil
	}
	if len(x.torn) > 0 {
		if _, err := f.Write(x.torn); err != nil {
			f.Close()
			return err
		}
	}
	if x.file != nil {
		x.file.Close()
	}
	x.file = f
	return nil
}

// moved reports whether the name stands for another file by now, or for none.
func (x *xferlog) moved() bool {
	if x.file == nil {
		return true
	}
	ours, err1 := x.file.Stat()
	named, err2 := os.Stat(x.name)
	return err1 == nil && (err2 != nil || !os.SameFile(ours, named))
}

var errSlowOpen = errors.New("xferlog: the file was not opened in time")

// reopen takes the file that has the name now, and makes it if there is none. A disk
// that does not answer, and a pipe that nobody reads, are not waited for.
func (x *xferlog) reopen() error {
	if x == nil {
		return nil
	}
	opened := make(chan error, 1)
	go func() {
		f, err := openAppend(x.name)
		if err == nil {
			f = x.fresh.Swap(f) // one that nobody has taken
		}
		if f != nil {
			f.Close()
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		if unread(err) {
			return nil
		}
		return err
	case <-time.After(xferlogOpen):
		return errSlowOpen
	}
}

// xferlogMode: names and addresses are not for everybody.
const xferlogMode fs.FileMode = 0o640

// openAppend does not wait for a reader of a named pipe.
func openAppend(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY|dontWait, xferlogMode)
}

// close comes when the server has stopped.
func (x *xferlog) close() {
	if x == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), xferlogFlush)
	defer cancel()
	if x.lines.Close(ctx) != nil {
		return // a write that blocks has the file
	}
	if x.file != nil {
		x.file.Close()
	}
}
