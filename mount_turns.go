package paradise

import (
	"context"
	"sync"
)

// nameTurns keep a move between storages, which takes several steps, apart from all else that
// is done to its two names. Who takes several names has all of them or none, and one who
// has some may share more: so nobody waits in a circle. The zero value is ready.
type nameTurns struct {
	mu      sync.Mutex     // never held while something waits
	holders map[string]int // of a name; -1: a move has it alone
	changed chan struct{}  // closed when some leave; nil: nobody waits
}

// share waits until no move has one of the names. A move that waits itself is no reason.
func (t *nameTurns) share(ctx context.Context, names ...string) (leave func(), err error) {
	return t.take(ctx, names, false)
}

// alone waits until nobody has one of the names, which must differ.
func (t *nameTurns) alone(ctx context.Context, names ...string) (leave func(), err error) {
	return t.take(ctx, names, true)
}

func (t *nameTurns) take(ctx context.Context, names []string, alone bool) (leave func(), err error) {
	for {
		wait := t.try(names, alone)
		if wait == nil {
			return func() { t.leave(names, alone) }, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// try takes the names, or returns what is closed when it is worth trying again.
func (t *nameTurns) try(names []string, alone bool) (wait <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		if n := t.holders[name]; n < 0 || alone && n > 0 {
			if t.changed == nil {
				t.changed = make(chan struct{})
			}
			return t.changed
		}
	}
	if t.holders == nil {
		t.holders = make(map[string]int)
	}
	for _, name := range names {
		if alone {
			t.holders[name] = -1
		} else {
			t.holders[name]++
		}
	}
	return nil
}

func (t *nameTurns) leave(names []string, alone bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		if t.holders[name]--; alone || t.holders[name] == 0 {
			delete(t.holders, name)
		}
	}
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}
