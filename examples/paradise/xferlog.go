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
	xferlogQueue = 16 << 20        // bytes of lines that wait for a slow disk: over 100,000 lines
	xferlogFlush = 5 * time.Second // how long the end of the process waits for the lines
	xferlogOpen  = 5 * time.Second // how long SIGHUP waits until the file is open
)

// xferlog is the file of -xferlog; nil: there is none. Processes that drain
// after a restart append to the same file.
type xferlog struct {
	name  string
	log   *slog.Logger
	lines *events.Writer
	fresh atomic.Pointer[os.File] // the file that SIGHUP has opened, which the next write uses; nil: none

	// The fields below belong to the goroutine of lines.
	file   *os.File // nil: no file has been opened yet
	torn   []byte   // the start of a line whose rest could not be written
	failed bool     // the last write failed; further failures are not logged
}

// openXferlog opens the file. It returns nil if none is configured, and for -check, which
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

// append writes lines to the file, and keeps the start of a line that was only partly
// written, so that follow can repeat it in a new file.
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

// follow switches to the file that SIGHUP has opened, or to the file that has the name
// now, because a process that drains gets no signal when logs are rotated. A renamed file
// stays in use until there is a new one.
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

// moved reports whether the name belongs to another file now, or to none.
func (x *xferlog) moved() bool {
	if x.file == nil {
		return true
	}
	ours, err1 := x.file.Stat()
	named, err2 := os.Stat(x.name)
	return err1 == nil && (err2 != nil || !os.SameFile(ours, named))
}

var errSlowOpen = errors.New("xferlog: the file was not opened in time")

// reopen opens the file that has the name now, and creates it if there is none. It does
// not wait for a disk that does not answer, or for a pipe that nobody reads.
func (x *xferlog) reopen() error {
	if x == nil {
		return nil
	}
	opened := make(chan error, 1)
	go func() {
		f, err := openAppend(x.name)
		if err == nil {
			f = x.fresh.Swap(f) // an earlier file that no write has used
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

// xferlogMode hides names and addresses from other users.
const xferlogMode fs.FileMode = 0o640

// openAppend opens a file for appending. It does not wait for a reader if the file is a
// named pipe.
func openAppend(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY|dontWait, xferlogMode)
}

// close writes the waiting lines and closes the file. It is called after the server has
// stopped.
func (x *xferlog) close() {
	if x == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), xferlogFlush)
	defer cancel()
	if x.lines.Close(ctx) != nil {
		return // a write that blocks still uses the file
	}
	if x.file != nil {
		x.file.Close()
	}
}
