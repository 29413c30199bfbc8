package paradise

import "sync"

// turn lets one in at a time, for as long as a network may take. A mutex would
// do but for tests in virtual time, in which one that is held stops the clock.
type turn struct {
	mu    sync.Mutex
	taken bool
	next  chan struct{} // those who wait; nil: nobody
}

func (t *turn) take() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.taken {
		if t.next == nil {
			t.next = make(chan struct{})
		}
		next := t.next
		t.mu.Unlock()
		<-next
		t.mu.Lock()
	}
	t.taken = true
}

func (t *turn) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken = false
	if t.next != nil {
		close(t.next)
		t.next = nil
	}
}
