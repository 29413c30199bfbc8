package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/paradiseftp/paradise"
)

const (
	firstLook = 2 * time.Second  // bounds the look after a Commit that failed
	laterLook = time.Minute      // bounds each of those that follow
	maxPause  = 5 * time.Minute  // between them
	lateness  = 10 * time.Minute // after that the storage publishes nothing any more
)

// errNoAnswer is the failure of a Commit that panicked.
var errNoAnswer = fmt.Errorf("journal: Commit did not return: %w", paradise.ErrUnknownOutcome)

// doubt is an upload of this process whose outcome is unknown, and how to look for it.
type doubt struct {
	intent Record
	d      paradise.FileDriver
	s      *paradise.Session
	why    error
}

// lookInto notes how an upload ended whose Commit failed: as abort only where it is
// certain that nothing was published. Where it is not, the intent stays open.
func (u *upload) lookInto(ctx context.Context, cause error) {
	j, session := u.d.j, *u.s
	d := doubt{u.record, u.d.FileDriver, &session, u.failure}
	if refused(u.failure) && u.record.SHA256 == "" {
		d.abort(j, cause)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), firstLook)
	defer cancel()
	f, err := look(ctx, d.d, u.s, d.intent)
	lost := u.cut || unknown(u.failure)
	switch {
	case refused(u.failure) && (err != nil || f.there != proved),
		!lost && err == nil && (f.there == nowhere || f.there == blind):
		d.abort(j, cause)
	case err == nil && f.published():
		_ = j.conclude(d.intent, d.explain(f), "upload whose commit failed")
	default:
		j.o.Logger.Warn("outcome of an upload is unknown", "id", d.intent.ID, "user", d.intent.User,
			"name", d.intent.Name, "error", d.why)
		j.keep(d)
	}
}

func (d doubt) abort(j *Journal, cause error) {
	r := d.intent
	r.Time, r.Event, r.Before = now(), Abort, nil
	if cause != nil {
		r.Detail = cause.Error()
	}
	_ = j.append(r) // has logged why; the intent is found lost after the next start
}

// explain adds what Commit said.
func (d doubt) explain(f finding) finding {
	if f.detail != "" {
		f.detail += "; "
	}
	f.detail += "commit failed: " + d.why.Error()
	return f
}

// refused reports whether the storage has said that it does not take a file, which
// leaves no doubt.
func refused(err error) bool {
	if unknown(err) {
		return false
	}
	for _, refusal := range []error{
		fs.ErrExist, fs.ErrNotExist, fs.ErrPermission, errors.ErrUnsupported,
		paradise.ErrNotDir, paradise.ErrIsDir, paradise.ErrNotEmpty, paradise.ErrBadOffset, paradise.ErrBusy,
		paradise.ErrNoSpace, paradise.ErrQuota, paradise.ErrBadName, paradise.ErrTooLarge, paradise.ErrBadType,
		paradise.ErrDigestMismatch,
	} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// unknown reports whether the storage's answer was not waited for, or was lost: the
// file may yet appear.
func unknown(err error) bool {
	for _, lost := range []error{
		paradise.ErrUnknownOutcome, paradise.ErrDriverBlocked,
		context.Canceled, context.DeadlineExceeded, os.ErrDeadlineExceeded,
	} {
		if errors.Is(err, lost) {
			return true
		}
	}
	late, ok := errors.AsType[net.Error](err)
	_, broken := errors.AsType[*net.OpError](err)
	return broken || ok && late.Timeout()
}

// keep has an upload looked for until it is found or too late.
func (j *Journal) keep(d doubt) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.doubts[d.intent.ID] = d
	if !j.asking && j.ctx.Err() == nil {
		j.asking = true
		go j.lookAgain()
	}
}

func (j *Journal) lookAgain() {
	for pause := time.Second; j.inDoubt(); pause = min(2*pause, maxPause) {
		select {
		case <-j.ctx.Done():
			return
		case <-time.After(pause):
		}
		ctx, cancel := context.WithTimeout(j.ctx, laterLook)
		_ = j.resolve(ctx) // there is another time
		cancel()
	}
}

// inDoubt says whether there is something to look for; if not, the next doubt must
// start a goroutine anew.
func (j *Journal) inDoubt() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asking = len(j.doubts) > 0
	return j.asking
}

// resolve looks for each upload in doubt once.
func (j *Journal) resolve(ctx context.Context) error {
	j.mu.Lock()
	var all []doubt
	for _, d := range j.doubts {
		all = append(all, d)
	}
	j.mu.Unlock()
	var failed error
	for _, d := range all {
		if !j.claim(d) {
			continue
		}
		done, err := j.resolveOne(ctx, d)
		if err != nil {
			failed = fmt.Errorf("journal: looking for %q: %w", d.intent.Name, err)
		}
		if !done {
			j.keep(d)
		}
	}
	return failed
}

// claim takes a doubt for the caller alone.
func (j *Journal) claim(d doubt) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, ok := j.doubts[d.intent.ID]
	delete(j.doubts, d.intent.ID)
	return ok
}

func (j *Journal) resolveOne(ctx context.Context, d doubt) (done bool, err error) {
	f, err := look(ctx, d.d, d.s, d.intent)
	if err != nil || !f.published() && time.Since(d.intent.Time) < lateness {
		return false, err
	}
	return true, j.conclude(d.intent, d.explain(f), "upload whose outcome was unknown")
}
