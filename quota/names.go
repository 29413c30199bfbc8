package quota

import (
	"slices"
	"sync"
)

// nameLocks is a lock per name that is in use.
type nameLocks struct {
	mu    sync.Mutex
	locks map[string]*nameLock
}

type nameLock struct {
	sync.Mutex
	users int
}

// lock takes the names in order, so that no two callers wait for one another.
func (n *nameLocks) lock(names ...string) (unlock func()) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	for _, name := range names {
		n.get(name).Lock()
	}
	return func() {
		for _, name := range names {
			n.put(name)
		}
	}
}

func (n *nameLocks) get(name string) *nameLock {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.locks == nil {
		n.locks = make(map[string]*nameLock)
	}
	l := n.locks[name]
	if l == nil {
		l = &nameLock{}
		n.locks[name] = l
	}
	l.users++
	return l
}

func (n *nameLocks) put(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.locks[name]
	if l.users--; l.users == 0 {
		delete(n.locks, name)
	}
	l.Unlock()
}
