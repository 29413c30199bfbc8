package paradise

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/paradiseftp/paradise/internal/sock"
	"github.com/paradiseftp/paradise/internal/splice"
)

// spliceWait is how long a client may pause before it has to give its pipe
// back: the loop's stall limit begins then.
const spliceWait = 500 * time.Millisecond

// A client is slow that makes us wait half as long for less than this.
const spliceSlow = 64 << 10

// splice moves an upload from its socket to the driver's file inside the
// kernel, which spares a copy of every byte. It ends at the end of the data, or
// leaves a client that has become slow, and whatever it cannot do, to the loop
// of reads and writes.
func (u *upload) splice() (ended bool, err error) {
	file, tcp := u.spliceable()
	if file == nil || !u.x.c.env.admission.takeFDs(splice.Descriptors) {
		return false, nil
	}
	defer u.x.c.env.admission.giveFDs(splice.Descriptors)
	p, err := splice.NewPipe()
	if err != nil {
		return false, nil
	}
	defer p.Close()
	for {
		began := time.Now()
		u.raw.SetReadDeadline(began.Add(spliceWait))
		n, err := p.Fill(tcp, u.room())
		u.moved(n)
		if n > 0 {
			if whole, err := u.drain(p, file); !whole || err != nil {
				return false, err
			}
		}
		switch {
		case err == io.EOF:
			return true, nil
		case errors.Is(err, errTimeout):
			return false, nil
		case err != nil:
			return false, u.broken(err)
		}
		if err := u.rate.check(u.x.moved.Load()); err != nil {
			return false, err
		}
		if u.slow(n, time.Since(began)) {
			return false, nil
		}
	}
}

// slow says that the loop does as well.
func (u *upload) slow(n int, took time.Duration) bool { return took >= spliceWait/2 && n < spliceSlow }

// room is how many bytes may come before the file is too large, one more
// included, which tells.
func (u *upload) room() int {
	if u.limit <= 0 {
		return 1 << 30
	}
	return int(min(u.limit-u.base-u.stored+1, 1<<30))
}

// spliceable finds the file and the socket where nobody needs to see the bytes.
func (u *upload) spliceable() (*os.File, syscall.RawConn) {
	f, ok := u.up.(interface{ File() *os.File })
	if !ok || u.secure != nil || u.ascii || u.deflate || u.digest != nil || len(u.limits) > 0 {
		return nil, nil
	}
	tcp := sock.TCP(u.raw)
	if tcp == nil {
		return nil, nil
	}
	rc, err := tcp.SyscallConn()
	if err != nil {
		return nil, nil
	}
	return f.File(), rc
}

// drain brings what the pipe holds into the file; whole says that it went that
// way. The rest goes through the driver's Write, whose errors are its own.
func (u *upload) drain(p *splice.Pipe, file *os.File) (whole bool, err error) {
	if u.limit > 0 && u.base+u.stored+int64(p.Buffered()) > u.limit {
		return false, ErrTooLarge
	}
	u.x.guard()
	n, err := p.Drain(file)
	u.x.unguard()
	u.stored += n
	if err == nil {
		return true, u.x.reason(nil)
	}
	rest := make([]byte, p.Buffered())
	if _, err := io.ReadFull(p, rest); err != nil {
		return false, u.x.reason(err)
	}
	return false, u.writeStored(rest)
}
