package paradisetest

import (
	"context"
	"runtime"
	"time"

	"github.com/paradiseftp/paradise"
)

// leakRounds is how often an action is repeated. If at least half as many additional
// descriptors or goroutines exist afterwards, they are a leak. A few more or fewer may
// come from other parts of the test process.
const leakRounds = 64

func leakRules() []rule {
	seed := map[string]string{"/f": patterned(10_000), "/g": "x", "/h": "y"}
	leak := func(name, text string, needs Method, once func(*exam)) rule {
		return rule{name: name, text: text, needs: needs, seed: seed,
			check: func(x *exam) { checkLeak(x, once) }}
	}
	return []rule{
		leak("leaks-aborted-uploads",
			`An aborted upload leaves no open file and no goroutine behind, with or without Begin, and
even if its context was cancelled before.`,
			MethodStore, abortedUploads),
		leak("leaks-uploads",
			`A committed upload leaves no open file and no goroutine behind.`,
			MethodStore, func(x *exam) { x.put("/new", "data") }),
		leak("leaks-broken-listings",
			`A listing frees its resources even if the range over it ends early, at the first entry:
defer that inside the range function.`,
			MethodList, brokenListing),
		leak("leaks-closed-readers",
			`A reader that is closed before its end frees its resources, and so does an Open that fails.`,
			MethodOpen, closedReader),
	}
}

func checkLeak(x *exam, once func(*exam)) {
	once(x) // fills pools and caches
	runtime.GC()
	files, goroutines := openFiles(), runtime.NumGoroutine()
	for range leakRounds {
		once(x)
	}
	if n := openFiles() - files; n >= leakRounds/2 {
		x.failf("%d descriptors more are open after %d rounds", n, leakRounds)
	}
	// Goroutines may end a little later than the calls that they served.
	deadline := time.Now().Add(x.o.Patience)
	for runtime.NumGoroutine()-goroutines >= leakRounds/2 {
		if time.Now().After(deadline) {
			x.failf("%d goroutines more run after %d rounds:\n%s",
				runtime.NumGoroutine()-goroutines, leakRounds, stacks())
		}
		runtime.Gosched()
	}
}

func abortedUploads(x *exam) {
	u, err := x.d.Store(x.ctx, x.s, "/new", paradise.StoreOptions{})
	x.ok(err, "Store")
	u.Abort(x.ctx, errExam)

	ctx, cancel := context.WithCancel(x.ctx)
	defer cancel()
	u, err = x.begin(ctx, "/new", "data", paradise.StoreOptions{})
	x.ok(err, "starting an upload")
	x.write(u, "data")
	cancel()
	u.Abort(x.ctx, errExam)
}

func brokenListing(x *exam) {
	l, err := x.d.List(x.ctx, x.s, "/")
	x.ok(err, "List")
	for range l {
		break
	}
	// A List that fails must leave nothing open either.
	_, _ = x.d.List(x.ctx, x.s, "/f")
}

func closedReader(x *exam) {
	r, err := x.d.Open(x.ctx, x.s, "/f", 0)
	x.ok(err, "Open")
	_, err = r.Read(make([]byte, 10))
	x.ok(err, "Read")
	x.ok(r.Close(), "Close")
	_, _ = x.d.Open(x.ctx, x.s, "/f", 1<<40)
	_, _ = x.d.Open(x.ctx, x.s, "/", 0)
}
