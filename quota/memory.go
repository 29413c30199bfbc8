package quota

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/paradiseftp/paradise"
)

// Memory is a Store that forgets with the process. Drivers of one process may share
// it. The zero value is empty and ready. It keeps a key and a few numbers of every
// account that it was told of.
type Memory struct {
	mu    sync.Mutex
	all   map[string]*ledger
	ended ended
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty Memory.
func NewMemory() *Memory { return &Memory{} }

// ledger is an account with its leases.
type ledger struct {
	Account
	leases map[string]*entry
	names  map[string]string // which lease has a name
	alone  string            // which lease is alone; empty: none
	busy   int               // how many leases change something
	swept  time.Time
}

type entry struct {
	Lease
	ends time.Time
}

// ended remembers the leases that ended last. No answer of a Memory is lost, so it
// need not remember all for as long as they might have lived.
type ended struct {
	all  map[ending]struct{}
	ring []ending
	next int
}

type ending struct{ key, id string }

const manyEnded = 1024

func (e *ended) has(key, id string) bool {
	_, ok := e.all[ending{key, id}]
	return ok
}

func (e *ended) add(key, id string) {
	if e.all == nil {
		e.all, e.ring = make(map[ending]struct{}), make([]ending, manyEnded)
	}
	delete(e.all, e.ring[e.next])
	e.ring[e.next] = ending{key, id}
	e.all[e.ring[e.next]] = struct{}{}
	e.next = (e.next + 1) % manyEnded
}

var errEnded = errors.New("quota: the lease has ended")

// sweepEvery bounds how much a busy account pays for leases that end.
const sweepEvery = time.Second

func (m *Memory) ledger(key string) *ledger {
	if m.all == nil {
		m.all = make(map[string]*ledger)
	}
	l := m.all[key]
	if l == nil {
		l = &ledger{}
		m.all[key] = l
	}
	return l
}

// Account implements [Store].
func (m *Memory) Account(_ context.Context, key string) (Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.all[key]
	if l == nil {
		return Account{}, nil
	}
	l.sweep(time.Now())
	return l.Account, nil
}

// Reserve implements [Store].
func (m *Memory) Reserve(_ context.Context, key string, want Lease, limits Limits) (Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, now := m.ledger(key), time.Now()
	if m.ended.has(key, want.ID) {
		return l.Account, errEnded
	}
	if now.Sub(l.swept) >= sweepEvery {
		l.sweep(now)
	}
	err := l.refuses(want, limits, now)
	if err != nil && l.sweep(now) {
		err = l.refuses(want, limits, now)
	}
	if err != nil {
		return l.Account, err
	}
	l.drop(want.ID)
	l.put(want, now)
	return l.Account, nil
}

func (l *ledger) refuses(want Lease, limits Limits, now time.Time) error {
	had := Usage{}
	if e := l.leases[want.ID]; e != nil && now.Before(e.ends) {
		had = e.Hold
	}
	if l.inTheWay(want) {
		return paradise.ErrBusy
	}
	if want.Hold != (Usage{}) && !l.Counted {
		return ErrUncounted
	}
	taken := l.Used.plus(l.Held).minus(had)
	if want.Hold.Bytes > had.Bytes && want.Hold.Bytes > room(limits.Bytes, taken.Bytes) ||
		want.Hold.Files > had.Files && want.Hold.Files > room(limits.Files, taken.Files) {
		return paradise.ErrQuota
	}
	return nil
}

// inTheWay reports whether another lease has what a change is about.
func (l *ledger) inTheWay(want Lease) bool {
	if !want.changes() {
		return false
	}
	if l.alone != "" && l.alone != want.ID {
		return true
	}
	if want.Alone {
		e := l.leases[want.ID]
		return l.busy > 1 || l.busy == 1 && (e == nil || !e.changes())
	}
	for _, name := range want.Names {
		if id, taken := l.names[name]; taken && id != want.ID {
			return true
		}
	}
	return false
}

// Settle implements [Store].
func (m *Memory) Settle(_ context.Context, key string, lease Lease, change Usage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.ledger(key)
	if m.ended.has(key, lease.ID) {
		return nil
	}
	m.ended.add(key, lease.ID)
	l.drop(lease.ID)
	if change != (Usage{}) || lease.changes() {
		l.Version++
	}
	l.Used = l.Used.plus(change)
	return nil
}

// Count implements [Store].
func (m *Memory) Count(_ context.Context, key string, u Usage, version uint64, lease string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.ledger(key)
	l.sweep(time.Now())
	others := l.busy
	if e := l.leases[lease]; e != nil && e.changes() {
		others--
	}
	if l.Version != version || others > 0 {
		return false, nil
	}
	l.count(u)
	return true, nil
}

func (l *ledger) count(u Usage) {
	l.Used, l.Counted = u, true
	l.Version++
}

func (l *ledger) put(lease Lease, now time.Time) {
	if l.leases == nil {
		l.leases, l.names = make(map[string]*entry), make(map[string]string)
	}
	l.leases[lease.ID] = &entry{lease, now.Add(lease.TTL)}
	l.Held = l.Held.plus(lease.Hold)
	for _, name := range lease.Names {
		l.names[name] = lease.ID
	}
	if lease.Alone {
		l.alone = lease.ID
	}
	if lease.changes() {
		l.busy++
	}
}

func (l *ledger) drop(id string) {
	e := l.leases[id]
	if e == nil {
		return
	}
	delete(l.leases, id)
	l.Held = l.Held.minus(e.Hold)
	for _, name := range e.Names {
		delete(l.names, name)
	}
	if e.Alone {
		l.alone = ""
	}
	if e.changes() {
		l.busy--
	}
	if len(l.leases) == 0 {
		l.leases, l.names = nil, nil
	}
}

// sweep drops what has expired, and reports whether there was any.
func (l *ledger) sweep(now time.Time) (some bool) {
	l.swept = now
	for id, e := range l.leases {
		if !now.Before(e.ends) {
			l.drop(id)
			some = true
		}
	}
	return some
}

// Usage returns what an account uses, for the host program; ok is false where that
// is not known.
func (m *Memory) Usage(_ context.Context, key string) (u Usage, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.all[key]
	if l == nil || !l.Counted {
		return Usage{}, false, nil
	}
	return l.Used, true, nil
}

// Set makes u an account's usage, for the host program.
func (m *Memory) Set(_ context.Context, key string, u Usage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ledger(key).count(u)
	return nil
}

// Add changes an account's usage, for the host program, and returns the new one.
func (m *Memory) Add(_ context.Context, key string, change Usage) (Usage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.ledger(key)
	l.count(l.Used.plus(change))
	return l.Used, nil
}

func (m *Memory) snapshot() map[string]Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[string]Usage)
	for key, l := range m.all {
		if l.Counted {
			all[key] = l.Used
		}
	}
	return all
}

func (m *Memory) restore(all map[string]Usage) {
	for key, u := range all {
		m.ledger(key).count(u)
	}
}
