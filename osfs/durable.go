package osfs

import (
	"os"
	"sync"
)

// writebackStep is how much of a durable upload gathers in memory before the
// disk is asked to begin, so that the sync at its end is short.
const writebackStep = 64 << 20

// syncer brings files and folders to the disk.
type syncer struct {
	data      func(*os.File) error
	folder    func(*dir) error
	writeback func(f *os.File, off, n int64)
	groups    *syncGroups
}

func newSyncer() syncer {
	return syncer{
		data:      syncData,
		folder:    (*dir).fsync,
		writeback: startWriteback,
		groups:    &syncGroups{byKey: map[string]*syncGroup{}},
	}
}

// syncGroups lets one sync of a folder serve all who asked before it began.
type syncGroups struct {
	mu    sync.Mutex
	byKey map[string]*syncGroup
}

type syncGroup struct {
	running chan struct{} // holds a token while a round runs
	next    *syncRound    // the round that has not begun
	users   int
}

type syncRound struct {
	done chan struct{}
	err  error
}

// do returns the error of a call of sync that began after do was called.
func (g *syncGroups) do(key string, sync func() error) error {
	g.mu.Lock()
	group := g.byKey[key]
	if group == nil {
		group = &syncGroup{running: make(chan struct{}, 1)}
		g.byKey[key] = group
	}
	group.users++
	round := group.next
	leads := round == nil
	if leads {
		round = &syncRound{done: make(chan struct{})}
		group.next = round
	}
	g.mu.Unlock()

	if leads {
		g.lead(group, round, sync)
	}
	<-round.done

	g.mu.Lock()
	defer g.mu.Unlock()
	if group.users--; group.users == 0 {
		delete(g.byKey, key)
	}
	return round.err
}

// lead runs a round once the one before it has ended; until then others join.
func (g *syncGroups) lead(group *syncGroup, round *syncRound, sync func() error) {
	group.running <- struct{}{}
	defer func() { <-group.running }()
	g.mu.Lock()
	group.next = nil
	g.mu.Unlock()
	defer close(round.done)
	round.err = sync()
}
