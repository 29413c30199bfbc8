//go:build unix

package handover

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// start starts the next generation. It uses ForkExec, because exec.Cmd calls
// os.File.Fd, which would switch the shared sockets to blocking mode.
func (p *Process) start() (*child, error) {
	h := hello{Settle: p.settleTime(), PID: os.Getpid()}
	if p.opts.State != nil {
		h.State = p.opts.State()
	}
	if len(h.State) > MaxState {
		return nil, fmt.Errorf("state has %d bytes, more than %d", len(h.State), MaxState)
	}
	names, fds, err := p.duplicates(&h)
	defer closeFDs(fds)
	if err != nil {
		return nil, err
	}
	ours, theirs, err := linkPair()
	if err != nil {
		return nil, err
	}
	defer syscall.Close(theirs)

	files := []uintptr{0, 1, 2}
	for _, fd := range append(fds, theirs) {
		files = append(files, uintptr(fd))
	}
	pid, err := syscall.ForkExec(p.exe, os.Args, &syscall.ProcAttr{
		Dir:   p.dir,
		Env:   successorEnv(os.Environ(), p.generation+1, names),
		Files: files,
	})
	if err != nil {
		ours.Close()
		return nil, &os.PathError{Op: "fork/exec", Path: p.exe, Err: err}
	}
	proc, err := os.FindProcess(pid)
	if err != nil {
		ours.Close()
		return nil, err // cannot happen: our own child is not reaped yet
	}
	c := newChild(p.generation+1, proc, ours, p.retired)
	c.watch(h)
	return c, nil
}

// duplicates returns copies of the open listeners' descriptors. It drops listeners
// that the program has closed.
func (p *Process) duplicates(h *hello) (names []string, fds []int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	open := p.sockets[:0:0]
	for _, s := range p.sockets {
		fd, err := duplicate(s.l)
		if errors.Is(err, net.ErrClosed) {
			continue
		}
		if err != nil {
			return nil, fds, fmt.Errorf("passing on listener %q: %w", s.name, err)
		}
		open = append(open, s)
		fds = append(fds, fd)
		names = append(names, s.name)
		h.Owned = append(h.Owned, s.owned)
	}
	p.sockets = open
	return names, fds, nil
}

// duplicate copies the descriptor of l without changing its blocking mode. The copy is
// closed on exec.
func duplicate(l net.Listener) (int, error) {
	fd, errDup := -1, error(nil)
	err := control(l, func(h uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if fd, errDup = syscall.Dup(int(h)); errDup == nil {
			syscall.CloseOnExec(fd)
		}
	})
	if err == nil {
		err = os.NewSyscallError("dup", errDup)
	}
	return fd, err
}

// linkPair returns both ends of a link. The child's end, theirs, stays in blocking
// mode.
func linkPair() (ours *os.File, theirs int, err error) {
	syscall.ForkLock.RLock()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(pair[0])
		syscall.CloseOnExec(pair[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, -1, os.NewSyscallError("socketpair", err)
	}
	if err := syscall.SetNonblock(pair[0], true); err != nil {
		closeFDs(pair[:])
		return nil, -1, os.NewSyscallError("setnonblock", err)
	}
	return os.NewFile(uintptr(pair[0]), "handover"), pair[1], nil
}

func closeFDs(fds []int) {
	for _, fd := range fds {
		syscall.Close(fd)
	}
}
