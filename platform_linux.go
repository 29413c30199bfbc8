package paradise

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peerClosed asks the kernel whether the peer has closed, or reset, the
// connection; bytes that wait to be read do not hide it.
func peerClosed(nc net.Conn) (closed, known bool) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return false, false
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return true, true
	}
	fds := []unix.PollFd{{Events: unix.POLLRDHUP}}
	cerr := rc.Control(func(fd uintptr) {
		fds[0].Fd = int32(fd)
		for err = unix.EINTR; err == unix.EINTR; {
			_, err = unix.Poll(fds, 0)
		}
	})
	if cerr != nil || err != nil {
		return false, false
	}
	return fds[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0, true
}

// inlineUrgent leaves urgent data in the stream: clients send ABOR as Telnet
// Synch, with its last byte urgent. A listener cannot have it for all: Go's are
// MPTCP sockets, which refuse the option, and hand out plain ones.
func inlineUrgent(nc net.Conn) { setOption(nc, unix.SOL_SOCKET, unix.SO_OOBINLINE) }

// quickAck acknowledges at once what comes next.
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

// descriptorLimit is how many descriptors the process may have.
func descriptorLimit() int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 1024
	}
	return int(min(r.Cur, 1<<30))
}
