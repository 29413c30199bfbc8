package sock

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

func peerClosed(nc net.Conn) (closed, known bool) { return poll(nc, unix.POLLRDHUP) }

func peerReset(nc net.Conn) bool {
	reset, known := poll(nc, 0)
	return reset && known
}

// readable reports whether a read of a connection, or an accept of a listener, has
// something. The peer's end counts.
func readable(socket any) (ready, known bool) { return poll(socket, unix.POLLIN|unix.POLLRDHUP) }

// poll looks at a socket without waiting.
func poll(socket any, events int16) (happened, known bool) {
	sc, ok := socket.(syscall.Conn)
	if !ok {
		return false, false
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return false, false
	}
	fds := []unix.PollFd{{Events: events}}
	cerr := rc.Control(func(fd uintptr) {
		fds[0].Fd = int32(fd)
		for err = unix.EINTR; err == unix.EINTR; {
			_, err = unix.Poll(fds, 0)
		}
	})
	if cerr != nil || err != nil {
		return false, false
	}
	return fds[0].Revents&(events|unix.POLLHUP|unix.POLLERR) != 0, true
}

func unread(nc net.Conn) int {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return 0
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return 0
	}
	n := 0
	rc.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return max(n, 0)
}

func inlineUrgent(nc net.Conn) { setOption(nc, unix.SOL_SOCKET, unix.SO_OOBINLINE) }

func quickAck(nc net.Conn) { setOption(nc, unix.IPPROTO_TCP, unix.TCP_QUICKACK) }

// setOption switches a socket option on, where there is a socket that knows it.
func setOption(nc net.Conn, level, option int) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return
	}
	rc.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), level, option, 1) })
}

func reuseAddr(rc syscall.RawConn) error {
	var err error
	cerr := rc.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	})
	if cerr != nil {
		return cerr
	}
	return err
}

func maxFiles() int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 1024
	}
	return int(min(r.Cur, 1<<30))
}
