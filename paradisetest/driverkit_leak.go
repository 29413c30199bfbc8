package paradisetest

import (
	"context"
	"runtime"
	"time"

	"github.com/paradiseftp/paradise"
)

// leakRounds is how often each thing is done; half as many descriptors or
// goroutines more than before are a leak. What else the test process does may
// move the count by a few.
const leakRounds = 64

func leakRules() []rule {
	seed := map[string]string{"/f": patterned(10_000), "/g": "x", "/h": "y"}
	leak := func(name, text string, needs Method, once func(*exam)) rule {
		return rule{name: name, text: text, needs: needs, seed: seed,
			check: func(x *exam) { checkLeak(x, once) }}
	}
	return []rule{
		leak("leaks-aborted-uploads",
			`An upload that is aborted leaves no open file and no goroutine behind, whether it was
begun or not, or its context cancelled before.`,
			MethodStore, abortedUploads),
		leak("leaks-uploads",
			`An upload that is committed leaves no open file and no goroutine behind.`,
			MethodStore, func(x *exam) { x.put("/new", "data") }),
		leak("leaks-broken-listings",
			`A listing whose range ends early, even at the first entry, closes what it holds: defer the
closing inside the range function.`,
			MethodList, brokenListing),
		leak("leaks-closed-readers",
			`A reader that is closed before its end closes what it holds, and so does an Open that fails.`,
			MethodOpen, closedReader),
	}
}

func checkLeak(x *exam, once func(*exam)) {
	once(x) // pools and caches may fill
	runtime.GC()
	files, goroutines := openFiles(), runtime.NumGoroutine()
	for range leakRounds {
		once(x)
	}
	if n := openFiles() - files; n >= leakRounds/2 {
		x.failf("%d descriptors more are open after %d rounds", n, leakRounds)
	}
	// Goroutines may end a little after what they served.
	deadline := time.Now().Add(x.o.Patience)
	for runtime.NumGoroutine()-goroutines >= leakRounds/2 {
		if time.Now().After(deadline) {
			x.failf("%d goroutines more run after %d rounds:\n%s", runtime.NumGoroutine()-goroutines, leakRounds, stacks())
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
	// Refused before anything is opened, or closed again.
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
