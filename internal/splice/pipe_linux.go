package splice

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// pipe is the two ends.
type pipe struct{ r, w int }

func newPipe() (*Pipe, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	p := &Pipe{pipe: pipe{r: fds[0], w: fds[1]}}
	if _, err := unix.FcntlInt(uintptr(p.w), unix.F_SETPIPE_SZ, Size); err != nil {
		p.close()
		return nil, os.NewSyscallError("fcntl", err)
	}
	return p, nil
}

func (p *Pipe) close() error { return errors.Join(unix.Close(p.r), unix.Close(p.w)) }

func (p *Pipe) fill(from syscall.RawConn, most int) (int, error) {
	var n int64
	var err error
	werr := from.Read(func(fd uintptr) bool {
		for {
			n, err = unix.Splice(int(fd), nil, p.w, nil, min(most, Size), unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
			if err != unix.EINTR {
				return err != unix.EAGAIN
			}
		}
	})
	switch {
	case werr != nil:
		return 0, werr
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	p.held += int(n)
	return int(n), nil
}

func (p *Pipe) drain(to *os.File) (total int64, err error) {
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

func (p *Pipe) read(b []byte) (int, error) {
	n, err := unix.Read(p.r, b)
	p.held -= max(n, 0)
	return max(n, 0), err
}
