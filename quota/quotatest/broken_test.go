package quotatest_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/quota"
	"github.com/paradiseftp/paradise/quota/quotatest"
)

// bent is a Store with one mistake.
type bent struct {
	quota.Store
	reserve func(ctx context.Context, key string, l quota.Lease, limits quota.Limits) (quota.Account, error)
	settle  func(ctx context.Context, key string, l quota.Lease, change quota.Usage) error
	count   func(ctx context.Context, key string, u quota.Usage, version uint64, lease string) (bool, error)
}

func (b *bent) Reserve(ctx context.Context, key string, l quota.Lease, limits quota.Limits) (quota.Account, error) {
	if b.reserve != nil {
		return b.reserve(ctx, key, l, limits)
	}
	return b.Store.Reserve(ctx, key, l, limits)
}

func (b *bent) Settle(ctx context.Context, key string, l quota.Lease, change quota.Usage) error {
	if b.settle != nil {
		return b.settle(ctx, key, l, change)
	}
	return b.Store.Settle(ctx, key, l, change)
}

func (b *bent) Count(ctx context.Context, key string, u quota.Usage, version uint64, lease string) (bool, error) {
	if b.count != nil {
		return b.count(ctx, key, u, version, lease)
	}
	return b.Store.Count(ctx, key, u, version, lease)
}

// mistakes are what an author of a Store may get wrong, and the rule that finds it.
var mistakes = []struct {
	rule, name string
	make       func(b *bent)
}{
	{"uncounted", "an unknown account is empty", func(b *bent) {
		b.reserve = func(ctx context.Context, key string, l quota.Lease, limits quota.Limits) (quota.Account, error) {
			_, _ = b.Store.Count(ctx, key, quota.Usage{}, 0, "")
			return b.Store.Reserve(ctx, key, l, limits)
		}
	}},
	{"counted-once", "the last count wins", func(b *bent) {
		b.count = func(ctx context.Context, key string, u quota.Usage, _ uint64, lease string) (bool, error) {
			acc, _ := b.Store.Account(ctx, key)
			return b.Store.Count(ctx, key, u, acc.Version, lease)
		}
	}},
	{"counted-once", "what moves spoils no count", func(b *bent) {
		b.settle = func(ctx context.Context, key string, l quota.Lease, change quota.Usage) error {
			l.Names, l.Alone = nil, false
			return b.Store.Settle(ctx, key, l, change)
		}
	}},
	{"counted-alone", "changes that are under way spoil no count", func(b *bent) {
		m := b.Store.(*quota.Memory)
		b.count = func(ctx context.Context, key string, u quota.Usage, version uint64, _ string) (bool, error) {
			if acc, _ := m.Account(ctx, key); acc.Version != version {
				return false, nil
			}
			return true, m.Set(ctx, key, u)
		}
	}},
	{"limits", "look, and then take", func(b *bent) {
		b.reserve = func(ctx context.Context, key string, l quota.Lease, limits quota.Limits) (quota.Account, error) {
			return b.Store.Reserve(ctx, key, l, quota.Limits{Bytes: limits.Bytes + 1, Files: limits.Files})
		}
	}},
	{"absolute", "what is held already counts against itself", func(b *bent) {
		b.reserve = func(ctx context.Context, key string, l quota.Lease, limits quota.Limits) (quota.Account, error) {
			acc, _ := b.Store.Account(ctx, key)
			if limits.Bytes > 0 && acc.Used.Bytes+acc.Held.Bytes+l.Hold.Bytes > limits.Bytes {
				return acc, paradise.ErrQuota
			}
			return b.Store.Reserve(ctx, key, l, limits)
		}
	}},
	{"settled-once", "a second Settle adds again", func(b *bent) {
		var n atomic.Int64
		b.settle = func(ctx context.Context, key string, l quota.Lease, change quota.Usage) error {
			if err := b.Store.Settle(ctx, key, l, quota.Usage{}); err != nil {
				return err
			}
			l.ID = fmt.Sprint("again", n.Add(1))
			return b.Store.Settle(ctx, key, l, change)
		}
	}},
	{"expiry", "the reservations of the dead stay", func(b *bent) {
		b.reserve = func(ctx context.Context, key string, l quota.Lease, limits quota.Limits) (quota.Account, error) {
			l.TTL = time.Hour
			return b.Store.Reserve(ctx, key, l, limits)
		}
	}},
	{"names", "names are not looked at", func(b *bent) {
		b.reserve = func(ctx context.Context, key string, l quota.Lease, limits quota.Limits) (quota.Account, error) {
			l.Names = nil
			return b.Store.Reserve(ctx, key, l, limits)
		}
	}},
	{"keys", "one account for all", func(b *bent) {
		b.count = func(ctx context.Context, _ string, u quota.Usage, version uint64, lease string) (bool, error) {
			return b.Store.Count(ctx, "anna\nftp.example.com", u, version, lease)
		}
	}},
	{"at-once", "look, and then take", func(b *bent) {
		b.reserve = func(ctx context.Context, key string, l quota.Lease, limits quota.Limits) (quota.Account, error) {
			acc, err := b.Store.Reserve(ctx, key, l, limits)
			if !errors.Is(err, paradise.ErrQuota) || limits.Files != 10 {
				return acc, err
			}
			return b.Store.Reserve(ctx, key, l, quota.Limits{})
		}
	}},
}

func TestEachMistakeBreaksItsRule(t *testing.T) {
	left := map[string]bool{}
	for _, r := range quotatest.Rules() {
		left[r] = true
	}
	for _, m := range mistakes {
		delete(left, m.rule)
		t.Run(m.rule+"/"+m.name, func(t *testing.T) {
			t.Parallel() // one waits
			assert.Contains(t, quotatest.Broken(t.Context(), func() quota.Store {
				b := &bent{Store: quota.NewMemory()}
				m.make(b)
				return b
			}), m.rule)
		})
	}
	assert.Empty(t, left, "rules without a mistake that breaks them")
}
