package events_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/events"
)

// tap is a writer that blocks while it is shut.
type tap struct {
	mu      sync.Mutex
	opened  *sync.Cond
	open    bool
	got     bytes.Buffer
	largest int
}

func newTap(open bool) *tap {
	w := &tap{open: open}
	w.opened = sync.NewCond(&w.mu)
	return w
}

func (w *tap) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.open {
		w.opened.Wait()
	}
	w.largest = max(w.largest, len(p))
	return w.got.Write(p)
}

func (w *tap) turnOn() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = true
	w.opened.Broadcast()
}

func missing(n uint64) []byte { return fmt.Appendf(nil, "%d missing\n", n) }

func TestALogThatNobodyReadsHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTap(false)
		l := events.NewWriter(w, 10*len("line 0\n"))
		l.Dropping = missing
		l.Write([]byte("line 0\n"))
		synctest.Wait() // now the line is being written
		for i := 1; i < 15; i++ {
			l.Write(fmt.Appendf(nil, "line %x\n", i))
		}
		l.Write([]byte("x\n")) // would fit, but comes after the gap
		assert.EqualValues(t, 6, l.Dropped())
		w.turnOn()
		synctest.Wait()
		l.Write([]byte("after\n"))
		require.NoError(t, l.Close(t.Context()))
		var want strings.Builder
		for i := range 10 {
			fmt.Fprintf(&want, "line %x\n", i)
		}
		assert.Equal(t, want.String()+"6 missing\nafter\n", w.got.String())
	})
}

func TestCloseOfALogThatNobodyReadsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTap(false)
		l := events.NewWriter(w, 100)
		l.Write([]byte("a\n"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, l.Close(ctx), context.DeadlineExceeded)
		l.Write([]byte("late\n"))
		w.turnOn()
		require.NoError(t, l.Close(t.Context()))
		assert.Equal(t, "a\n", w.got.String())
		assert.EqualValues(t, 1, l.Dropped(), "what came after Close")
	})
}

func TestLinesThatWaitGoOutTogetherAndWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTap(false)
		l := events.NewWriter(w, 1<<20)
		var want strings.Builder
		long := strings.Repeat("x", 10_000) + "\n"
		for i := range 1000 {
			line := fmt.Sprintf("line %d\n", i)
			if i == 500 {
				line = long
			}
			want.WriteString(line)
			l.Write([]byte(line))
		}
		w.turnOn()
		require.NoError(t, l.Close(t.Context()))
		assert.Equal(t, want.String(), w.got.String())
		assert.Equal(t, len(long), w.largest, "a longer line is one write, shorter ones are 4096 bytes at most")
	})
}

// fullDisk is a writer that accepts room bytes in all; has gives it room again.
type fullDisk struct {
	mu    sync.Mutex
	room  int
	got   bytes.Buffer
	tries int
}

var errFull = errors.New("no space left on device")

// has waits until all goroutines are idle, sets the room, and returns the bytes written
// so far and the number of attempts.
func (w *fullDisk) has(room int) (got string, tries int) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.room = room
	return w.got.String(), w.tries
}

func (w *fullDisk) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tries++
	n := min(len(p), w.room)
	w.room -= n
	w.got.Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestAFullDiskCutsNoLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fullDisk{room: 8}
		l := events.NewWriter(w, 100)
		l.Write([]byte("one\ntwo\nthree\n"))
		got, _ := w.has(2)
		assert.Equal(t, "one\ntwo\n", got)
		time.Sleep(time.Second)
		got, _ = w.has(100)
		assert.Equal(t, "one\ntwo\nth", got)
		assert.Zero(t, l.Dropped())
		require.NoError(t, l.Close(t.Context()))
		got, _ = w.has(0)
		assert.Equal(t, "one\ntwo\nthree\n", got, "Close tries once more")
	})
}

func TestADiskThatStaysFullIsGivenUpAtTheEndOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fullDisk{}
		l := events.NewWriter(w, 100)
		l.Write([]byte("one\ntwo\n"))
		time.Sleep(10 * time.Second)
		_, tries := w.has(0)
		assert.Equal(t, 11, tries, "once a second")
		assert.Zero(t, l.Dropped())
		require.NoError(t, l.Close(t.Context()))
		_, tries = w.has(0)
		assert.Equal(t, 12, tries)
		assert.EqualValues(t, 2, l.Dropped())
	})
}

func TestLinesOfManyKeepTheirOrder(t *testing.T) {
	const writers, each = 8, 500
	w := newTap(true)
	l := events.NewWriter(w, 1<<20)
	var all sync.WaitGroup
	for id := range writers {
		all.Go(func() {
			for i := range each {
				l.Write(fmt.Appendf(nil, "%d %d\n", id, i))
			}
		})
	}
	all.Wait()
	require.NoError(t, l.Close(t.Context()))
	next := make([]int, writers)
	for line := range strings.Lines(w.got.String()) {
		var id, i int
		_, err := fmt.Sscanf(line, "%d %d\n", &id, &i)
		require.NoError(t, err, "%q", line)
		require.Equal(t, next[id], i)
		next[id]++
	}
	for _, n := range next {
		assert.Equal(t, each, n)
	}
}

func BenchmarkWriter(b *testing.B) {
	l := events.NewWriter(io.Discard, 1<<30)
	line := []byte(strings.Repeat("x", 150) + "\n")
	for b.Loop() {
		l.Write(line)
	}
	require.NoError(b, l.Close(b.Context()))
}
