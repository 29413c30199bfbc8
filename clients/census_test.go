//go:build unix

package clients_test

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// census is what the process holds: sockets and goroutines.
type census struct {
	sockets    int
	goroutines int
}

func takeCensus() census { return census{sockets: sockets(), goroutines: runtime.NumGoroutine()} }

// sockets counts the process's open sockets; -1 where there is no /proc.
func sockets() int {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	n := 0
	for _, fd := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n
}

// compare awaits that everything is given back.
func (before census) compare(t testing.TB) {
	t.Helper()
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		now := takeCensus()
		assert.LessOrEqual(c, now.sockets, before.sockets, "sockets")
		assert.LessOrEqual(c, now.goroutines, before.goroutines+1, "goroutines; one is this function's")
	}, 10*time.Second, 20*time.Millisecond, "left over")
	if t.Failed() {
		stacks := make([]byte, 1<<20)
		t.Logf("%s", stacks[:runtime.Stack(stacks, true)])
	}
}
