package namelock

import (
	"context"
	"slices"
	"sync"
)

// Tree is the lock above all names: many hold it together while each changes
// names of its own, and one holds it alone who changes what many names mean, such
// as the name of a folder. It is a [sync.RWMutex] whose waiting obeys a ctx.
//
// Turns go by arrival, so that neither kind waits for ever: who comes while one
// waits to have it alone, waits behind that one, until it had its turn or gave up.
// The zero value is ready.
type Tree struct {
	mu    sync.Mutex // never held while something waits
	held  int        // by so many together; alone: held by one alone
	queue []visitor
}

const alone = -1

type visitor struct {
	alone bool
	turn  chan struct{}
}

// Lock waits until it has the tree alone, or until ctx ends; the error is then its
// cause. A tree that is free is given even if ctx has ended.
func (t *Tree) Lock(ctx context.Context) error { return t.enter(ctx, true) }

// RLock waits until it has the tree together with others, or until ctx ends, as
// Lock does. It costs no memory as long as nobody waits.
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

// admit lets somebody in, or reports that it must wait. The caller holds mu.
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

// next lets in whose turn has come. The caller holds mu.
func (t *Tree) next() {
	n := 0
	for n < len(t.queue) && t.admit(t.queue[n].alone) {
		close(t.queue[n].turn)
		n++
	}
	t.queue = slices.Delete(t.queue, 0, n)
}

// giveUp takes one who waits out of the queue; those behind it need not wait for
// it any more.
func (t *Tree) giveUp(v visitor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.queue, v); i >= 0 {
		t.queue = slices.Delete(t.queue, i, i+1)
	} else { // its turn came meanwhile
		t.leave(v.alone)
	}
	t.next()
}

// Unlock ends what Lock began. It panics if nobody has the tree alone.
func (t *Tree) Unlock() { t.exit(true) }

// RUnlock ends what RLock began. It panics if nobody has the tree together.
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
		panic("namelock: Unlock of a tree that is not held so")
	case wasAlone:
		t.held = 0
	default:
		t.held--
	}
}
