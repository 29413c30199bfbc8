// Package namelock has locks for what is done to names in a storage: one lock per
// name, and one above all of them. Whoever waits for one waits no longer than its
// ctx, so that an operation that is stuck does not take the patience of all others
// away. It knows nothing of storages.
package namelock

import (
	"context"
	"slices"
	"sync"
)

// Names is a lock per name, for as long as somebody has it or wants it. Those who
// wait for a name get it in the order in which they came. The zero value is ready.
type Names struct {
	mu    sync.Mutex                 // never held while something waits
	taken map[string][]chan struct{} // who waits for a name that is taken
}

// Lock waits for name until ctx ends; the error is then its cause. A name that is
// free is given even if ctx has ended. It costs no memory as long as nobody waits.
func (n *Names) Lock(ctx context.Context, name string) error {
	n.mu.Lock()
	queue, taken := n.taken[name]
	if !taken {
		if n.taken == nil {
			n.taken = make(map[string][]chan struct{})
		}
		n.taken[name] = nil
		n.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	n.taken[name] = append(queue, turn)
	n.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		n.giveUp(name, turn)
		return context.Cause(ctx)
	}
}

// giveUp takes one who waits out of the queue.
func (n *Names) giveUp(name string, turn chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	queue := n.taken[name]
	i := slices.Index(queue, turn)
	if i < 0 { // its turn came meanwhile
		n.pass(name)
		return
	}
	n.taken[name] = slices.Delete(queue, i, i+1)
}

// Unlock frees a name that Lock gave. It panics if the name is free already.
func (n *Names) Unlock(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pass(name)
}

// pass gives a name to the next one who waits, or frees it. The caller holds mu.
func (n *Names) pass(name string) {
	queue, taken := n.taken[name]
	if !taken {
		panic("namelock: Unlock of a name that is free")
	}
	if len(queue) == 0 {
		delete(n.taken, name)
		return
	}
	close(queue[0])
	n.taken[name] = slices.Delete(queue, 0, 1)
}

// LockAll takes several names, or none of them if ctx ends before. It takes them
// in order, so that no two callers wait for one another; a name that is there twice
// is taken once.
func (n *Names) LockAll(ctx context.Context, names ...string) (unlock func(), err error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	for i, name := range names {
		if err := n.Lock(ctx, name); err != nil {
			n.unlockAll(names[:i])
			return nil, err
		}
	}
	return func() { n.unlockAll(names) }, nil
}

func (n *Names) unlockAll(names []string) {
	for _, name := range names {
		n.Unlock(name)
	}
}
