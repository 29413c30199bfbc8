// Package quotatest examines implementations of [quota.Store].
package quotatest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/quota"
)

// TestStore examines a Store, one subtest per rule, named after it; a failure says the
// rule and what was seen instead. open returns an empty Store, or one whose accounts
// nobody else uses; it is called once per rule, with the subtest, which can clean up.
// The Store is called from several goroutines at once, so run it under the race
// detector too. All of it takes a second or so on a Store that answers at once.
func TestStore(t *testing.T, open func(tb testing.TB) quota.Store) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			x := &exam{s: open(t), ctx: t.Context()}
			if err := x.examine(r.check); err != nil {
				t.Errorf("the Store breaks the rule %s:\n\n\t%s\n\nSeen instead:\n\n\t%v\n", r.name, r.text, err)
			}
		})
	}
}

type rule struct {
	name, text string
	check      func(x *exam)
}

var rules = []rule{
	{"uncounted", "An account that nobody has counted holds nothing but leases of nothing: ErrUncounted.", checkUncounted},
	{"counted-once", "Of counts that began at one version the first is taken, and none that a change has spoiled.", checkCounted},
	{"counted-alone", "A count is not taken while another lease changes names.", checkCountedAlone},
	{"limits", "What is used and what all leases hold never exceed the limits of who reserves: paradise.ErrQuota.", checkLimits},
	{"absolute", "Reserve says what a lease holds, not what it holds more; less is always granted.", checkAbsolute},
	{"settled-once", "Settle ends the lease and adds its change, once, however often it is asked.", checkSettled},
	{"expiry", "A lease that nobody renews ends after its TTL; one that is renewed lives on.", checkExpiry},
	{"names", "A name belongs to one lease at a time, and all names to one that is alone: paradise.ErrBusy.", checkNames},
	{"keys", "Accounts know nothing of one another.", checkKeys},
	{"at-once", "Whatever servers do at once, the limits hold, and when all has ended nothing is held and all is counted.", checkAtOnce},
}

// exam is one rule at work on one Store.
type exam struct {
	s    quota.Store
	ctx  context.Context
	mu   sync.Mutex
	next int
}

type broken struct{ error }

func (x *exam) examine(check func(x *exam)) (err error) {
	defer func() {
		switch b := recover().(type) {
		case nil:
		case broken:
			err = b.error
		default:
			panic(b)
		}
	}()
	check(x)
	return nil
}

func (x *exam) failf(format string, args ...any) { panic(broken{fmt.Errorf(format, args...)}) }

const key = "anna\nftp.example.com"

// lease is a new one that lives for the whole rule.
func (x *exam) lease(bytes, files int64, names ...string) quota.Lease {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.next++
	return quota.Lease{
		ID: fmt.Sprint("lease", x.next), TTL: time.Minute, Names: names,
		Hold: quota.Usage{Bytes: bytes, Files: files},
	}
}

func (x *exam) account() quota.Account {
	a, err := x.s.Account(x.ctx, key)
	if err != nil {
		x.failf("Account: %v", err)
	}
	return a
}

func (x *exam) counted(bytes, files int64) {
	ok, err := x.s.Count(x.ctx, key, quota.Usage{Bytes: bytes, Files: files}, x.account().Version, "")
	if !ok || err != nil {
		x.failf("Count of an account at rest: %v, %v", ok, err)
	}
}

func (x *exam) reserve(what string, l quota.Lease, limits quota.Limits, want error) {
	acc, err := x.s.Reserve(x.ctx, key, l, limits)
	if !errors.Is(err, want) {
		x.failf("Reserve of %s: %v; %v is due", what, err, want)
	}
	if err == nil {
		if now := x.account(); acc != now {
			x.failf("Reserve of %s returned %+v; the account is %+v", what, acc, now)
		}
	}
}

func (x *exam) settle(l quota.Lease, bytes, files int64) {
	if err := x.s.Settle(x.ctx, key, l, quota.Usage{Bytes: bytes, Files: files}); err != nil {
		x.failf("Settle: %v", err)
	}
}

func (x *exam) want(when string, used, held quota.Usage) {
	if a := x.account(); a.Used != used || a.Held != held || !a.Counted {
		x.failf("%s the account is %+v; it must use %+v and hold %+v", when, a, used, held)
	}
}

var unbounded quota.Limits

func checkUncounted(x *exam) {
	if a := x.account(); a.Counted || a.Held != (quota.Usage{}) {
		x.failf("a new account is %+v", a)
	}
	x.reserve("a byte", x.lease(1, 0), unbounded, quota.ErrUncounted)
	x.reserve("a file", x.lease(0, 1), unbounded, quota.ErrUncounted)
	l := x.lease(0, 0, "/f")
	x.reserve("nothing but a name", l, unbounded, nil)
	x.settle(l, -5, -1)
	if x.account().Counted {
		x.failf("an account is counted by a change")
	}
	x.counted(7, 1)
	x.want("counted", quota.Usage{Bytes: 7, Files: 1}, quota.Usage{})
}

func checkCounted(x *exam) {
	count := func(bytes int64, version uint64) bool {
		ok, err := x.s.Count(x.ctx, key, quota.Usage{Bytes: bytes}, version, "")
		if err != nil {
			x.failf("Count: %v", err)
		}
		return ok
	}
	began := x.account().Version
	if !count(1, began) || count(2, began) {
		x.failf("of two counts that began at once the first is due, and only that")
	}
	x.want("afterwards", quota.Usage{Bytes: 1}, quota.Usage{})
	began = x.account().Version
	x.settle(x.lease(0, 0), 10, 0)
	if count(1, began) {
		x.failf("a count was taken that a change has spoiled")
	}
	x.want("afterwards", quota.Usage{Bytes: 11}, quota.Usage{})
	moves, folder := x.lease(0, 0, "/a/f", "/b/f"), x.lease(0, 0)
	folder.Alone = true
	for _, l := range []quota.Lease{moves, folder} {
		began = x.account().Version
		x.reserve("a move", l, unbounded, nil)
		x.settle(l, 0, 0)
		if count(1, began) {
			x.failf("a count was taken during which something moved; it may have missed that")
		}
	}
	began = x.account().Version
	x.settle(moves, 0, 0)
	if !count(11, began) {
		x.failf("a count was not taken because of an ended lease that was settled again")
	}
}

func checkCountedAlone(x *exam) {
	x.counted(1, 1)
	l := x.lease(1, 1, "/f")
	x.reserve("a name", l, unbounded, nil)
	count := func(lease string) bool {
		ok, err := x.s.Count(x.ctx, key, quota.Usage{Bytes: 5}, x.account().Version, lease)
		if err != nil {
			x.failf("Count: %v", err)
		}
		return ok
	}
	if count("") || count("another") {
		x.failf("a count was taken while a lease changed a name")
	}
	if !count(l.ID) {
		x.failf("a count under the only lease was not taken")
	}
	x.settle(l, 0, 0)
	x.reserve("bytes", x.lease(1, 1), unbounded, nil)
	if !count("") {
		x.failf("a count was not taken because of a lease without names")
	}
}

func checkLimits(x *exam) {
	x.counted(40, 1)
	limits := quota.Limits{Bytes: 100, Files: 3}
	a := x.lease(50, 1)
	x.reserve("what fits", a, limits, nil)
	x.reserve("a byte too many", x.lease(11, 1), limits, paradise.ErrQuota)
	x.reserve("what just fits", x.lease(10, 1), limits, nil)
	x.reserve("a file too many", x.lease(0, 1), limits, paradise.ErrQuota)
	x.want("then", quota.Usage{Bytes: 40, Files: 1}, quota.Usage{Bytes: 60, Files: 2})
	x.reserve("a byte where all is full", x.lease(1, 0), limits, paradise.ErrQuota)
	x.reserve("nothing where all is full", x.lease(0, 0), limits, nil)
	x.reserve("a byte without limits", x.lease(1, 0), unbounded, nil)
	x.reserve("a byte where nothing may be stored", x.lease(1, 0), quota.Limits{Bytes: -1}, paradise.ErrQuota)
	x.settle(a, 0, 0)
	x.reserve("what was given back", x.lease(49, 1), limits, nil)
}

func checkAbsolute(x *exam) {
	x.counted(0, 0)
	limits := quota.Limits{Bytes: 100, Files: 1}
	l := x.lease(100, 1)
	x.reserve("all there is", l, limits, nil)
	x.reserve("the same again", l, limits, nil)
	x.want("then", quota.Usage{}, quota.Usage{Bytes: 100, Files: 1})
	l.Hold.Bytes = 101
	x.reserve("more", l, limits, paradise.ErrQuota)
	x.want("after a refusal", quota.Usage{}, quota.Usage{Bytes: 100, Files: 1})
	l.Hold.Bytes = 60
	x.reserve("less, although the limit is lower now", l, quota.Limits{Bytes: 10, Files: 1}, nil)
	x.want("then", quota.Usage{}, quota.Usage{Bytes: 60, Files: 1})
	x.settle(x.lease(0, 0), -50, 0)
	l.Hold.Bytes = 150
	x.reserve("what a removal made free", l, limits, nil)
}

func checkSettled(x *exam) {
	x.counted(10, 1)
	l := x.lease(50, 1, "/f")
	x.reserve("a file", l, unbounded, nil)
	for range 3 {
		x.settle(l, 30, 1)
		x.want("settled", quota.Usage{Bytes: 40, Files: 2}, quota.Usage{})
	}
	if _, err := x.s.Reserve(x.ctx, key, l, unbounded); err == nil {
		x.failf("a lease that had ended came back")
	}
	stranger := x.lease(0, 0)
	for range 2 {
		x.settle(stranger, -5, -1)
		x.want("a change without a lease", quota.Usage{Bytes: 35, Files: 1}, quota.Usage{})
	}
	again := x.lease(1, 1, "/f")
	x.reserve("its name", again, unbounded, nil)
}

// soon is a TTL that is waited for, and patience how long.
const (
	soon     = 200 * time.Millisecond
	patience = 5 * time.Second
)

func checkExpiry(x *exam) {
	x.counted(0, 0)
	limits := quota.Limits{Bytes: 100}
	dead, alive := x.lease(60, 0, "/dead"), x.lease(40, 0, "/alive")
	dead.TTL, alive.TTL = soon, soon
	x.reserve("by a server that dies", dead, limits, nil)
	next := x.lease(60, 0, "/dead")
	for end := time.Now().Add(patience); ; {
		if _, err := x.s.Reserve(x.ctx, key, alive, limits); err != nil {
			x.failf("Reserve of what a lease has: %v", err)
		}
		_, err := x.s.Reserve(x.ctx, key, next, limits)
		if err == nil {
			break
		}
		if !errors.Is(err, paradise.ErrBusy) && !errors.Is(err, paradise.ErrQuota) {
			x.failf("Reserve while another holds it: %v", err)
		}
		if time.Now().After(end) {
			x.failf("a lease of %v still lives after %v", soon, patience)
		}
	}
	alive.TTL = time.Minute
	x.reserve("what a lease has, for longer", alive, limits, nil)
	x.want("then", quota.Usage{}, quota.Usage{Bytes: 100})
	x.reserve("what another has by now", dead, limits, paradise.ErrBusy)
	dead.Names = nil
	x.reserve("what another has by now", dead, limits, paradise.ErrQuota)
	x.settle(dead, 60, 1)
	x.want("a change whose lease had expired", quota.Usage{Bytes: 60, Files: 1}, quota.Usage{Bytes: 100})
}

func checkNames(x *exam) {
	a, b, all := x.lease(0, 0, "/a", "/b"), x.lease(0, 0, "/b", "/c"), x.lease(0, 0)
	all.Alone = true
	x.reserve("two names", a, unbounded, nil)
	x.reserve("the same again", a, unbounded, nil)
	x.reserve("one of them", b, unbounded, paradise.ErrBusy)
	x.reserve("everything", all, unbounded, paradise.ErrBusy)
	x.reserve("other names", x.lease(0, 0, "/d"), unbounded, nil)
	a.Names = []string{"/a"}
	x.reserve("fewer names", a, unbounded, nil)
	x.reserve("the one given back", b, unbounded, nil)
	for _, l := range []quota.Lease{a, b} {
		x.settle(l, 0, 0)
	}
	x.reserve("everything", all, unbounded, paradise.ErrBusy)
	x.settle(quota.Lease{ID: "lease4", TTL: time.Minute}, 0, 0) // that of "/d"
	x.reserve("everything, by one with a name", all, unbounded, nil)
	x.reserve("a name", x.lease(0, 0, "/e"), unbounded, paradise.ErrBusy)
	other := x.lease(0, 0)
	other.Alone = true
	x.reserve("everything, twice", other, unbounded, paradise.ErrBusy)
	x.reserve("no name", x.lease(0, 0), unbounded, nil)
	all.Alone, all.Names = false, []string{"/e"}
	x.reserve("a name in place of everything", all, unbounded, nil)
	x.reserve("everything", other, unbounded, paradise.ErrBusy)
	all.Alone, all.Names = true, nil
	x.reserve("everything in place of a name", all, unbounded, nil)
	x.settle(all, 0, 0)
	x.reserve("everything", other, unbounded, nil)
}

func checkKeys(x *exam) {
	x.counted(10, 1)
	a := x.lease(90, 0, "/f")
	x.reserve("all that one account may have", a, quota.Limits{Bytes: 100}, nil)
	const key2 = "anna"
	if ok, err := x.s.Count(x.ctx, key2, quota.Usage{}, 0, ""); !ok || err != nil {
		x.failf("Count of a new account at version 0: %v, %v", ok, err)
	}
	if _, err := x.s.Reserve(x.ctx, key2, x.lease(100, 0, "/f"), quota.Limits{Bytes: 100}); err != nil {
		x.failf("Reserve of another account: %v", err)
	}
	x.want("then", quota.Usage{Bytes: 10, Files: 1}, quota.Usage{Bytes: 90})
}
