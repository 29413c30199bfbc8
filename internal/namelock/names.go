// Package namelock has locks for operations on names in a storage: one lock per name,
// and one lock above all names. A caller waits for a lock only until its ctx ends, so
// that one stuck operation does not block all others. The package knows nothing of
// storages.
package namelock

import (
	"context"
	"slices"
	"sync"
)

// Names is a set of locks, one per name. Callers get a lock in the order in which they
// came. The zero value is ready for use.
type Names struct {
	mu    sync.Mutex                 // never held during a wait
	taken map[string][]chan struct{} // locked names, each with the queue of its waiters
}

// Lock locks name. It waits until ctx ends, and then returns the cause of ctx. A name
// that is free is locked even if ctx has ended. Lock allocates a channel only if it has
// to wait.
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

// giveUp removes a waiter from the queue.
func (n *Names) giveUp(name string, turn chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	queue := n.taken[name]
	i := slices.Index(queue, turn)
	if i < 0 { // the waiter got the lock meanwhile
		n.pass(name)
		return
	}
	n.taken[name] = slices.Delete(queue, i, i+1)
}

// Unlock unlocks a name. It panics if the name is not locked.
func (n *Names) Unlock(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pass(name)
}

// pass passes the lock of a name to the next waiter, or frees it. The caller holds mu.
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

// LockAll locks several names, or none of them if ctx ends first. It locks them in sorted
// order, so that two callers cannot wait for each other. A name that is given twice is
// locked once.
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
