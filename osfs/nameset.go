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
