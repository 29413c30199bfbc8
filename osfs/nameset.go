package osfs

import "sync"

// nameSet is a set of names that are taken.
type nameSet struct {
	mu    sync.Mutex
	taken map[string]struct{}
}

// take reports whether name was free, and takes it.
func (s *nameSet) take(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, is := s.taken[name]; is {
		return false
	}
	if s.taken == nil {
		s.taken = map[string]struct{}{}
	}
	s.taken[name] = struct{}{}
	return true
}

func (s *nameSet) free(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.taken, name)
}

// nameLocks is a lock per name, for as long as somebody wants it.
type nameLocks struct {
	mu    sync.Mutex
	locks map[string]*nameLock
}

type nameLock struct {
	sync.Mutex
	users int
}

// lock waits for name and returns the function that frees it.
func (l *nameLocks) lock(name string) (unlock func()) {
	l.mu.Lock()
	k := l.locks[name]
	if k == nil {
		if l.locks == nil {
			l.locks = map[string]*nameLock{}
		}
		k = &nameLock{}
		l.locks[name] = k
	}
	k.users++
	l.mu.Unlock()
	k.Lock()
	return func() {
		k.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if k.users--; k.users == 0 {
			delete(l.locks, name)
		}
	}
}
