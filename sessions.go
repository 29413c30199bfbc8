package paradise

import "sync"

// sessionSet holds the living sessions by their IDs. The zero value is empty.
type sessionSet struct {
	mu        sync.Mutex
	byID      map[uint64]*conn
	nextID    uint64        // 0 before Serve
	accepting int           // listeners: what one of them has accepted may not be in the set yet
	shut      bool          // nobody is let in any more
	empty     chan struct{} // closed and forgotten when the last session and listener have gone; nil: nobody waits
}

// startAt sets the ID of the first session.
func (s *sessionSet) startAt(first uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID = first
}

// next is the ID of the next session, 0 before Serve.
func (s *sessionSet) next() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nextID
}

// add registers c under an ID of its own; false once sessions are sent away.
func (s *sessionSet) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		return false
	}
	if s.byID == nil {
		s.byID = make(map[uint64]*conn)
	}
	c.setID(s.nextID)
	s.byID[s.nextID] = c
	s.nextID++
	return true
}

// remove is called exactly once for each session that was added.
func (s *sessionSet) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, c.facts().ID)
	s.settleLocked()
}

// find reports false if no session has this ID.
func (s *sessionSet) find(id uint64) (*conn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.byID[id]
	return c, ok
}

// all copies the set.
func (s *sessionSet) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, len(s.byID))
	for _, c := range s.byID {
		all = append(all, c)
	}
	return all
}

// close lets nobody in any more.
func (s *sessionSet) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = true
}

// expect counts a listener that may bring sessions until unexpect.
func (s *sessionSet) expect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepting++
}

func (s *sessionSet) unexpect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepting--
	s.settleLocked()
}

// whenEmpty returns a channel that is closed when no session and no listener is left.
func (s *sessionSet) whenEmpty() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	empty := s.empty
	s.settleLocked()
	return empty
}

func (s *sessionSet) settleLocked() {
	if len(s.byID) == 0 && s.accepting == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}
