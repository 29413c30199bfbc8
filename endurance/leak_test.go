package endurance

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// base has the descriptors of this process, by what they refer to, and the number of its
// goroutines.
type base struct {
	descriptors map[string]int
	goroutines  int
}

func held() base { return base{descriptors: descriptors(), goroutines: runtime.NumGoroutine()} }

// descriptors returns the descriptors of this process by the text of their links, so that a
// socket or file that was opened since cannot be taken for one that was closed.
func descriptors() map[string]int {
	links, _ := filepath.Glob("/proc/self/fd/*")
	count := make(map[string]int)
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && !strings.HasPrefix(to, "/proc/") {
			count[to]++
		}
	}
	return count
}

// atRest returns the current base, and stops the garbage collector for the rest of the test,
// because finalizers would close forgotten descriptors.
func atRest(t *testing.T) base {
	t.Helper()
	runtime.GC()
	percent := debug.SetGCPercent(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	return settled(t)
}

// settled returns the base once it has not changed for a moment.
func settled(t *testing.T) base {
	t.Helper()
	const still = 25
	last, same := held(), 0
	err := await(20*time.Second, func() bool {
		now := held()
		if now.goroutines != last.goroutines || !maps.Equal(now.descriptors, last.descriptors) {
			last, same = now, 0
		}
		same++
		return same > still
	})
	require.NoError(t, err, "never at rest")
	return last
}

// hold waits until the process has exactly the descriptors and goroutines of b.
func (b base) hold(t *testing.T) {
	t.Helper()
	var now base
	err := await(20*time.Second, func() bool {
		now = held()
		return now.goroutines == b.goroutines && maps.Equal(now.descriptors, b.descriptors)
	})
	if err == nil {
		return
	}
	var more []string
	for to, n := range now.descriptors {
		if n != b.descriptors[to] {
			more = append(more, fmt.Sprintf("%s: %d before, %d now", to, b.descriptors[to], n))
		}
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	t.Fatalf("left over: %d goroutines before, %d now; descriptors: %v\n%s", b.goroutines, now.goroutines, more, stacks)
}

// await polls a condition for which there is no signal.
func await(limit time.Duration, done func() bool) error {
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v", limit)
		}
		<-tick.C
	}
	return nil
}

// holdNoTemporaries fails if a hidden file is left in a folder.
func holdNoTemporaries(t *testing.T, dir string) {
	t.Helper()
	require.Empty(t, hidden(t, dir), "temporaries are left")
}

func hidden(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".paradise-") {
			names = append(names, e.Name())
		}
	}
	return names
}
