package paradise

import (
	"container/heap"
	"net"
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
type parker struct {
	set  *os.File
	fd   int
	find func(id uint64) *conn
	mu   sync.Mutex
	due  dueHeap // all that are parked
	runs bool    // a goroutine waits for them
}

// newParker is nil where there is no epoll; sessions keep their goroutines then.
func newParker(find func(id uint64) *conn) *parker {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil
	}
	return &parker{set: os.NewFile(uintptr(fd), "epoll"), fd: fd, find: find}
}

func (p *parker) close() {
	if p != nil {
		p.set.Close()
	}
}

// parkAfter is how long a session idles before it gives its goroutine back:
// longer than a client takes between two commands of one task, but short in a
// crowd, so that thousands who log in at once do not hold their stacks together.
func (c *conn) parkAfter() time.Duration {
	if c.srv.state.awake.Load() > 128 {
		return 5 * time.Millisecond
	}
	return 50 * time.Millisecond
}

// canParkLocked reports whether the session is one that idles in the clear:
// nothing buffered, nothing under way.
func (c *conn) canParkLocked() bool {
	_, tcp := c.raw.(*net.TCPConn)
	return tcp && c.srv.state.parker != nil && c.polled != pollRefused && c.nc == c.raw &&
		c.xfer == nil && c.data.Load() == nil && len(c.queue) == 0 &&
		c.facts().LoggedIn() && !c.lines.Partial() && c.lines.Buffered() == 0
}

// parkLocked gives the session to the parker; its goroutine must end then. It
// runs under mu, so the parker can't wake the session before that.
func (c *conn) parkLocked() bool {
	rc, err := c.raw.(*net.TCPConn).SyscallConn()
	if err != nil || !c.lines.Release() {
		return false
	}
	c.nc.SetReadDeadline(time.Time{})
	if c.srv.state.parker.add(c, rc) != nil {
		c.polled = pollRefused // a goroutine it is then, not try after try
		return false
	}
	c.parked = true
	c.rest()
	return true
}

func (p *parker) add(c *conn, rc syscall.RawConn) error {
	id := c.facts().ID
	p.mu.Lock()
	defer p.mu.Unlock()
	heap.Push(&p.due, c)
	op := unix.EPOLL_CTL_MOD
	if c.polled == pollNever {
		op = unix.EPOLL_CTL_ADD
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: int32(id), Pad: int32(id >> 32)}
	var err error
	if cerr := rc.Control(func(fd uintptr) { err = unix.EpollCtl(p.fd, op, int(fd), &event) }); cerr != nil {
		err = cerr
	}
	if err != nil {
		heap.Remove(&p.due, int(c.place))
		return err
	}
	c.polled = pollKnown
	if !p.runs {
		p.runs = true
		go p.run()
	}
	return nil
}

// unpark starts the session's loop again. The caller holds c.mu.
func (p *parker) unpark(c *conn) {
	if !c.parked {
		return
	}
	p.mu.Lock()
	heap.Remove(&p.due, int(c.place))
	if len(p.due) == 0 {
		p.set.SetReadDeadline(time.Now()) // run ends
	}
	p.mu.Unlock()
	c.parked, c.unparked = false, true
	c.rouse()
	c.srv.state.awake.Add(1)
	go c.loop()
}

// run wakes sessions whose socket is readable or whose time is up, until none is
// parked or the set is closed.
func (p *parker) run() {
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
		for i := range max(n, 0) {
			p.wake(p.find(uint64(uint32(events[i].Fd)) | uint64(uint32(events[i].Pad))<<32))
		}
		p.wakeDue(time.Now())
	}
}

// tick has run look at the heap once a second; false ends it, as there is nothing
// in it.
func (p *parker) tick() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs = len(p.due) > 0
	if p.runs {
		p.set.SetReadDeadline(time.Now().Add(time.Second))
	}
	return p.runs
}

func (p *parker) wake(c *conn) {
	if c == nil {
		return // it has left
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p.unpark(c)
}

func (p *parker) wakeDue(now time.Time) {
	for {
		p.mu.Lock()
		if len(p.due) == 0 || p.due[0].idleUntil().After(now) {
			p.mu.Unlock()
			return
		}
		first := p.due[0]
		p.mu.Unlock()
		p.wake(first)
	}
}

// dueHeap orders parked sessions by the end of their patience, which does not
// change while they are in it.
type dueHeap []*conn

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].idleUntil().Before(h[j].idleUntil()) }

func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = int32(i), int32(j)
}

func (h *dueHeap) Push(x any) {
	c := x.(*conn)
	c.place = int32(len(*h))
	*h = append(*h, c)
}

func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
