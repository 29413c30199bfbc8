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
	set   *os.File
	fd    int
	mu    sync.Mutex
	conns map[uint64]*parkedConn
	due   dueHeap
	begun bool
}

type parkedConn struct {
	c     *conn
	due   time.Time
	index int // in the heap
}

// newParker is nil where there is no epoll; sessions keep their goroutines then.
func newParker() *parker {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil
	}
	return &parker{set: os.NewFile(uintptr(fd), "epoll"), fd: fd, conns: make(map[uint64]*parkedConn)}
}

func (p *parker) close() {
	if p != nil {
		p.set.Close()
	}
}

// canParkLocked reports whether the session is one that idles in the clear:
// nothing buffered, nothing under way.
func (c *conn) canParkLocked() bool {
	return c.srv.state.parker != nil && c.nc == c.raw && c.xfer == nil && c.data == nil && len(c.queue) == 0 &&
		c.facts().LoggedIn() && !c.lines.Partial() && c.lines.Buffered() == 0
}

// parkLocked gives the session to the parker; its goroutine must end then. It
// runs under mu, so the parker can't wake the session before that.
func (c *conn) parkLocked(due time.Time) bool {
	tcp, ok := c.raw.(*net.TCPConn)
	if !ok || !c.lines.Release() {
		return false
	}
	rc, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	c.nc.SetReadDeadline(time.Time{})
	c.dog = watchdog{}
	c.parked = true
	if c.srv.state.parker.add(c, rc, due) != nil {
		c.parked = false
		return false
	}
	return true
}

func (p *parker) add(c *conn, rc syscall.RawConn, due time.Time) error {
	id := c.facts().ID
	p.mu.Lock()
	defer p.mu.Unlock()
	pc := &parkedConn{c: c, due: due}
	p.conns[id] = pc
	heap.Push(&p.due, pc)
	if len(p.due) == 1 {
		p.set.SetReadDeadline(time.Now().Add(time.Second))
	}
	op := unix.EPOLL_CTL_MOD
	if !c.polled {
		op, c.polled = unix.EPOLL_CTL_ADD, true
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: int32(id), Pad: int32(id >> 32)}
	var err error
	if cerr := rc.Control(func(fd uintptr) { err = unix.EpollCtl(p.fd, op, int(fd), &event) }); cerr != nil {
		err = cerr
	}
	if err != nil {
		p.removeLocked(id)
		return err
	}
	if !p.begun {
		p.begun = true
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
	p.removeLocked(c.facts().ID)
	p.mu.Unlock()
	c.parked, c.unparked = false, true
	go c.loop()
}

func (p *parker) removeLocked(id uint64) {
	if pc := p.conns[id]; pc != nil {
		heap.Remove(&p.due, pc.index)
		delete(p.conns, id)
	}
}

// run wakes sessions whose socket is readable or whose time is up, until the
// set is closed.
func (p *parker) run() {
	rc, err := p.set.SyscallConn()
	if err != nil {
		return
	}
	events := make([]unix.EpollEvent, 128)
	for {
		n := 0
		p.tick()
		err := rc.Read(func(fd uintptr) bool {
			n, _ = unix.EpollWait(int(fd), events, 0)
			return n > 0
		})
		if err != nil && !os.IsTimeout(err) {
			return
		}
		for i := range max(n, 0) {
			p.wake(uint64(uint32(events[i].Fd)) | uint64(uint32(events[i].Pad))<<32)
		}
		p.wakeDue(time.Now())
	}
}

// tick has run look at the heap once a second while there is anything in it.
func (p *parker) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.due) == 0 {
		p.set.SetReadDeadline(time.Time{})
		return
	}
	p.set.SetReadDeadline(time.Now().Add(time.Second))
}

func (p *parker) wake(id uint64) {
	p.mu.Lock()
	pc := p.conns[id]
	p.mu.Unlock()
	if pc == nil {
		return
	}
	pc.c.mu.Lock()
	defer pc.c.mu.Unlock()
	p.unpark(pc.c)
}

func (p *parker) wakeDue(now time.Time) {
	for {
		p.mu.Lock()
		if len(p.due) == 0 || p.due[0].due.After(now) {
			p.mu.Unlock()
			return
		}
		id := p.due[0].c.facts().ID
		p.mu.Unlock()
		p.wake(id)
	}
}

// dueHeap orders parked sessions by the end of their patience.
type dueHeap []*parkedConn

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *dueHeap) Push(x any) {
	pc := x.(*parkedConn)
	pc.index = len(*h)
	*h = append(*h, pc)
}

func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
