package paradise

import (
	"container/heap"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// parker waits for idle sessions that have given their goroutine back: all of
// them in one epoll set of our own, which is itself a file that the runtime's
// poller watches, so that no thread blocks in it. Idle limits are kept by one
// heap.
type parker[S sleeper] struct {
	set  *os.File
	fd   int
	find func(id uint64) (S, bool)
	mu   sync.Mutex
	due  dueHeap[S] // all that are parked
	runs bool       // a goroutine waits for them
}

// newParker is nil where there is no epoll; sessions keep their goroutines then.
func newParker[S sleeper](find func(id uint64) (S, bool)) *parker[S] {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil
	}
	return &parker[S]{set: os.NewFile(uintptr(fd), "epoll"), fd: fd, find: find}
}

func (p *parker[S]) close() {
	if p != nil {
		p.set.Close()
	}
}

// add has a session watched that goes to sleep. Its lock is held.
func (p *parker[S]) add(s S, id uint64, rc syscall.RawConn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	heap.Push(&p.due, s)
	op := unix.EPOLL_CTL_MOD
	if s.berth().polled == pollNever {
		op = unix.EPOLL_CTL_ADD
	}
	const once = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT
	event := unix.EpollEvent{Events: once, Fd: int32(id), Pad: int32(id >> 32)}
	var err error
	if cerr := rc.Control(func(fd uintptr) { err = unix.EpollCtl(p.fd, op, int(fd), &event) }); cerr != nil {
		err = cerr
	}
	if err != nil {
		heap.Remove(&p.due, int(s.berth().place))
		return err
	}
	s.berth().polled = pollKnown
	if !p.runs {
		p.runs = true
		go p.run()
	}
	return nil
}

// unpark ends the sleep of s, whose lock is held.
func (p *parker[S]) unpark(s S) {
	p.mu.Lock()
	heap.Remove(&p.due, int(s.berth().place))
	if len(p.due) == 0 {
		p.set.SetReadDeadline(time.Now()) // run ends
	}
	p.mu.Unlock()
	s.resume()
}

// run wakes sessions whose socket is readable or whose time is up, until none is
// parked or the set is closed.
func (p *parker[S]) run() {
	rc, err := p.set.SyscallConn()
	if err != nil {
		return
	}
	events := make([]unix.EpollEvent, 128)
	for p.tick() {
		n := 0
		err := rc.Read(func(fd uintptr) bool {
			n, _ = unix.EpollWait(int(fd), events, 0)
			return n > 0
		})
		if err != nil && !os.IsTimeout(err) {
			return
		}
		for _, event := range events[:max(n, 0)] {
			id := uint64(uint32(event.Fd)) | uint64(uint32(event.Pad))<<32
			if s, ok := p.find(id); ok { // else it has left
				s.wakeUp()
			}
		}
		p.wakeDue(time.Now())
	}
}

// tick has run look at the heap once a second; false ends it, as there is nothing
// in it.
func (p *parker[S]) tick() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs = len(p.due) > 0
	if p.runs {
		p.set.SetReadDeadline(time.Now().Add(time.Second))
	}
	return p.runs
}

func (p *parker[S]) wakeDue(now time.Time) {
	for {
		p.mu.Lock()
		if len(p.due) == 0 || p.due[0].idleUntil().After(now) {
			p.mu.Unlock()
			return
		}
		first := p.due[0]
		p.mu.Unlock()
		first.wakeUp()
	}
}

// dueHeap orders parked sessions by the end of their patience, which does not
// change while they are in it.
type dueHeap[S sleeper] []S

func (h dueHeap[S]) Len() int           { return len(h) }
func (h dueHeap[S]) Less(i, j int) bool { return h[i].idleUntil().Before(h[j].idleUntil()) }

func (h dueHeap[S]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].berth().place, h[j].berth().place = int32(i), int32(j)
}

func (h *dueHeap[S]) Push(x any) {
	s := x.(S)
	s.berth().place = int32(len(*h))
	*h = append(*h, s)
}

func (h *dueHeap[S]) Pop() any {
	old := *h
	last := old[len(old)-1]
	clear(old[len(old)-1:])
	*h = old[:len(old)-1]
	return last
}
