package quotatest

import (
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/quota"
)

// checkAtOnce plays servers that take, grow, settle and give back, while another
// watches.
func checkAtOnce(x *exam) {
	const servers, uploads = 8, 40
	limits := quota.Limits{Bytes: 1000, Files: 10}
	x.counted(0, 0)
	var all tally
	var wg sync.WaitGroup
	for i := range servers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for range uploads {
				all.note(x.examine(func(x *exam) { x.upload(r, limits, &all) }))
			}
		})
	}
	wg.Wait()
	if all.err != nil {
		x.failf("%v", all.err)
	}
	x.want("when all has ended", all.sum, quota.Usage{})
}

// tally is what the servers have stored.
type tally struct {
	mu  sync.Mutex
	sum quota.Usage
	err error
}

func (t *tally) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
}

func (t *tally) add(u quota.Usage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Bytes += u.Bytes
	t.sum.Files += u.Files
}

// upload is one change as a driver makes it, or the removal of one.
func (x *exam) upload(r *rand.Rand, limits quota.Limits, all *tally) {
	l := x.lease(0, 1)
	var change quota.Usage
	for range 1 + r.IntN(4) {
		l.Hold.Bytes += r.Int64N(200)
		acc, err := x.s.Reserve(x.ctx, key, l, limits)
		if errors.Is(err, paradise.ErrQuota) {
			l.Hold = quota.Usage{}
			break
		}
		if err != nil {
			x.failf("Reserve: %v", err)
		}
		if acc.Used.Bytes+acc.Held.Bytes > limits.Bytes || acc.Used.Files+acc.Held.Files > limits.Files {
			x.failf("the account is %+v; its limits are %+v", acc, limits)
		}
	}
	if r.IntN(3) > 0 {
		change = l.Hold
	}
	x.settle(l, change.Bytes, change.Files)
	all.add(change)
	if r.IntN(2) > 0 { // it goes again
		x.settle(x.lease(0, 0), -change.Bytes, -change.Files)
		all.add(quota.Usage{Bytes: -change.Bytes, Files: -change.Files})
	}
}
