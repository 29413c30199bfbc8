package quota

import (
	"context"
	"maps"
	"sync"
)

// Store keeps the usage of accounts. It is called from many goroutines at once, but
// once at a time for one account, whose other changes wait for it without regard to
// their ctx: it should give up by itself what takes long. The usage of an account
// that was at rest may be asked for again. Reservations of running uploads are not
// in it: servers that share a Store can exceed a limit together by what they are
// taking in at that moment.
type Store interface {
	// Usage returns what an account uses; ok is false where that is not known,
	// and the account is then counted.
	Usage(ctx context.Context, key string) (u Usage, ok bool, err error)
	// Set makes u an account's usage.
	Set(ctx context.Context, key string, u Usage) error
	// Add changes an account's usage, as one step, and returns the new one. What
	// it failed to add is added with the account's next change.
	Add(ctx context.Context, key string, change Usage) (Usage, error)
}

// Memory is a Store that forgets with the process. The zero value is empty and
// ready. It keeps a key and two numbers of every account that it was told of.
type Memory struct {
	mu  sync.Mutex
	all map[string]Usage
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty Memory.
func NewMemory() *Memory { return &Memory{} }

// Usage implements [Store].
func (m *Memory) Usage(_ context.Context, key string) (Usage, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.all[key]
	return u, ok, nil
}

// Set implements [Store].
func (m *Memory) Set(_ context.Context, key string, u Usage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, u)
	return nil
}

// Add implements [Store].
func (m *Memory) Add(_ context.Context, key string, change Usage) (Usage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.all[key].plus(change)
	m.put(key, u)
	return u, nil
}

func (m *Memory) put(key string, u Usage) {
	if m.all == nil {
		m.all = make(map[string]Usage)
	}
	m.all[key] = u
}

func (m *Memory) snapshot() map[string]Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.all)
}
