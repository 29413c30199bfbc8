package paradise

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// pipe holds bytes on their way from a socket to a file. The runtime's own
// splicing keeps its pipes for later; this one ends with the transfer.
type pipe struct {
	r, w int
	held int // bytes in it
}

// pipeSize is what an unprivileged user may ask for; where the user's pipes
// are too many already, splicing through what is left would be slow.
const pipeSize = 1 << 20

func newPipe() *pipe {
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	p := &pipe{r: fds[0], w: fds[1]}
	if _, err := unix.FcntlInt(uintptr(p.w), unix.F_SETPIPE_SZ, pipeSize); err != nil {
		p.close()
		return nil
	}
	return p
}

func (p *pipe) close() {
	unix.Close(p.r)
	unix.Close(p.w)
}

// fill takes bytes from the socket, most at most, as soon as there are any; 0
// is the end of the stream.
func (p *pipe) fill(from syscall.RawConn, most int) (int, error) {
	var n int64
	var err error
	werr := from.Read(func(fd uintptr) bool {
		for {
			n, err = unix.Splice(int(fd), nil, p.w, nil, min(most, pipeSize), unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
			if err != unix.EINTR {
				return err != unix.EAGAIN
			}
		}
	})
	if werr != nil {
		err = werr
	}
	if err != nil {
		return 0, err
	}
	p.held += int(n)
	return int(n), nil
}

// drain empties the pipe into the file.
func (p *pipe) drain(to *os.File) (total int64, err error) {
	rc, err := to.SyscallConn()
	if err != nil {
		return 0, err
	}
	cerr := rc.Control(func(fd uintptr) {
		for p.held > 0 && err == nil {
			var n int64
			n, err = unix.Splice(p.r, nil, int(fd), nil, p.held, unix.SPLICE_F_MOVE)
			if err == unix.EINTR {
				err = nil
				continue
			}
			if n == 0 && err == nil {
				err = unix.EIO
			}
			total += max(n, 0)
			p.held -= int(max(n, 0))
		}
	})
	if cerr != nil {
		err = cerr
	}
	return total, err
}

// Read takes bytes out again.
func (p *pipe) Read(b []byte) (int, error) {
	n, err := unix.Read(p.r, b)
	p.held -= max(n, 0)
	return max(n, 0), err
}
