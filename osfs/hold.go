package osfs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/paradiseftp/paradise"
)

// What changes a folder by one step of the kernel (a rename, a removal) needs no order
// of ours: the kernel's is one. What builds on what is there (an append, a copy, a move
// to another disk) looks first and changes then. Nobody may come in between, whatever
// path, driver or process they come by. So the lock lies on the folder itself: single
// steps share it, and who looks and changes has it alone. It is held for the moment of
// the change only, never while bytes are moved.

// errHeld says that others hold the folder in a way that excludes ours.
var errHeld = errors.New("osfs: folder is held")

// held is one folder, or two, that a change may be made in. Its zero value holds none.
type held struct {
	locks  [2]lock
	n      int
	unlock func() // where the system has no such locks
}

func (h *held) release() {
	for _, l := range h.locks[:h.n] {
		l.unlock()
	}
	if h.unlock != nil {
		h.unlock()
	}
	*h = held{}
}

// share lets single steps be made in dirs, beside others.
func (d *folder) share(ctx context.Context, dirs ...*dir) (held, error) {
	return d.hold(ctx, false, dirs)
}

// alone keeps everybody else from changing dirs.
func (d *folder) alone(ctx context.Context, dirs ...*dir) (held, error) {
	return d.hold(ctx, true, dirs)
}

func sameDir(a, b *dir) bool {
	if a == b {
		return true
	}
	x, err := a.self()
	y, err2 := b.self()
	return err == nil && err2 == nil && sameFile(x, y)
}

const (
	patience = 30 * time.Second       // with a program that keeps a lock on a served folder
	courtesy = 200 * time.Millisecond // of single steps to who waits to be alone
)

// hold asks again and again, since a wait in the kernel would not end with ctx. Who
// cannot have both folders keeps neither: nobody waits for one with the other in hand.
// Two that are one folder are held once: not all systems have locks that can be shared.
//
// Who waits to be alone says so, and others let it go first for a while: beside a stream
// of single steps its turn would never come.
func (d *folder) hold(ctx context.Context, alone bool, dirs []*dir) (held, error) {
	if len(dirs) == 2 && sameDir(dirs[0], dirs[1]) {
		dirs = dirs[:1]
	}
	const first, longest = 20 * time.Microsecond, 5 * time.Millisecond
	var waits held
	defer waits.release()
	var begun time.Time
	for wait := first; ; wait = min(2*wait, longest) {
		polite := wait == first || time.Since(begun) < courtesy
		h, err := tryHold(dirs, func(f *dir) (lock, error) { return f.lock(alone, polite) })
		switch {
		case err == nil && wait > first: // meanwhile they may have been moved
			if err = d.found(dirs...); err != nil {
				h.release()
			}
			return h, err
		case err == nil:
			return h, nil
		case errors.Is(err, errors.ErrUnsupported):
			return d.holdHere(ctx, alone, dirs)
		case !errors.Is(err, errHeld):
			return held{}, mapError(err)
		case wait == first:
			begun = time.Now()
		case time.Since(begun) > patience:
			return held{}, fmt.Errorf("%w by another program for %v: %w", errHeld, patience, paradise.ErrBusy)
		case alone && waits.n == 0:
			waits, _ = tryHold(dirs, (*dir).wait) // else without
		}
		select {
		case <-ctx.Done():
			return held{}, fmt.Errorf("%w: %w", errHeld, context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

func tryHold(dirs []*dir, take func(*dir) (lock, error)) (held, error) {
	var h held
	for _, f := range dirs {
		l, err := take(f)
		if err != nil {
			h.release()
			return held{}, err
		}
		h.locks[h.n] = l
		h.n++
	}
	return h, nil
}

// holdHere is for folders of which one or both cannot be locked: that one it keeps for
// those that come through drivers that share one base folder. It is waited for first, so
// that nobody waits for it with a lock in hand.
func (d *folder) holdHere(ctx context.Context, alone bool, dirs []*dir) (held, error) {
	var keys []string
	var rest []*dir
	for _, f := range dirs {
		l, err := f.lock(false, false)
		if err == nil {
			l.unlock()
		}
		if err == nil || errors.Is(err, errHeld) {
			rest = append(rest, f)
			continue
		}
		id, err := f.self()
		if err != nil {
			return held{}, mapError(err)
		}
		keys = append(keys, strconv.FormatUint(id.dev, 16)+"/"+strconv.FormatUint(id.ino, 16))
	}
	unlock, err := d.folders.LockAll(ctx, keys...)
	if err != nil || len(rest) == 0 {
		return held{unlock: unlock}, err
	}
	h, err := d.hold(ctx, alone, rest)
	if err != nil {
		unlock()
		return held{}, err
	}
	if h.unlock == nil { // else the folder that could be locked cannot any more
		h.unlock = unlock
		return h, nil
	}
	both := h.unlock
	h.unlock = func() { both(); unlock() }
	return h, nil
}
