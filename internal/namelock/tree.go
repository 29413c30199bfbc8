package namelock

import (
	"context"
	"slices"
	"sync"
)

// Tree is the lock above all names. Many operations hold it together while each changes
// its own names. An operation that changes the meaning of many names, such as the rename
// of a folder, holds it alone. It is like a [sync.RWMutex] whose waits end with a ctx.
//
// The lock is granted in the order of arrival, so that nobody waits forever: a caller
// that arrives while another waits to hold the lock alone comes after that one. The zero
// value is ready for use.
type Tree struct {
	mu    sync.Mutex // never held during a wait
	held  int        // number of holders, or alone
	queue []visitor
}

const alone = -1

type visitor struct {
	alone bool
	turn  chan struct{}
}

// Lock locks the tree alone. It waits until ctx ends, and then returns the cause of ctx.
// A tree that is free is locked even if ctx has ended.
func (t *Tree) Lock(ctx context.Context) error { return t.enter(ctx, true) }

// RLock locks the tree together with others. It waits like Lock, and allocates a channel
// only if it has to wait.
func (t *Tree) RLock(ctx context.Context) error { return t.enter(ctx, false) }

func (t *Tree) enter(ctx context.Context, wantsAlone bool) error {
	t.mu.Lock()
	if len(t.queue) == 0 && t.admit(wantsAlone) {
		t.mu.Unlock()
		return nil
	}
	v := visitor{alone: wantsAlone, turn: make(chan struct{})}
	t.queue = append(t.queue, v)
	t.mu.Unlock()
	select {
	case <-v.turn:
		return nil
	case <-ctx.Done():
		t.giveUp(v)
		return context.Cause(ctx)
	}
}

// admit grants the lock, or returns false if the caller must wait. The caller of admit
// holds mu.
func (t *Tree) admit(wantsAlone bool) bool {
	switch {
	case t.held == alone, wantsAlone && t.held > 0:
		return false
	case wantsAlone:
		t.held = alone
	default:
		t.held++
	}
	return true
}

// next grants the lock to those at the head of the queue that can have it. The caller
// holds mu.
func (t *Tree) next() {
	n := 0
	for n < len(t.queue) && t.admit(t.queue[n].alone) {
		close(t.queue[n].turn)
		n++
	}
	t.queue = slices.Delete(t.queue, 0, n)
}

// giveUp removes a waiter from the queue. Those behind it may be able to get the lock
// now.
func (t *Tree) giveUp(v visitor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.queue, v); i >= 0 {
		t.queue = slices.Delete(t.queue, i, i+1)
	} else { // the waiter got the lock meanwhile
		t.leave(v.alone)
	}
	t.next()
}

// Unlock undoes one Lock. It panics if nobody holds the tree alone.
func (t *Tree) Unlock() { t.exit(true) }

// RUnlock undoes one RLock. It panics if nobody holds the tree together with others.
func (t *Tree) RUnlock() { t.exit(false) }

func (t *Tree) exit(wasAlone bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leave(wasAlone)
	t.next()
}

// leave undoes admit. The caller holds mu.
func (t *Tree) leave(wasAlone bool) {
	switch {
	case wasAlone != (t.held == alone), t.held == 0:
		panic("namelock: Unlock or RUnlock of a tree that is not locked that way")
	case wasAlone:
		t.held = 0
	default:
		t.held--
	}
}
