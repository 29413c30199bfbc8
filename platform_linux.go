package paradise

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peerClosed asks the kernel whether the peer has closed, or reset, the
// connection; bytes that wait to be read do not hide it.
func peerClosed(nc net.Conn) (closed, known bool) { return poll(nc, unix.POLLRDHUP) }

// peerReset is peerClosed for a peer that takes nothing any more, either.
func peerReset(nc net.Conn) bool {
	reset, known := poll(nc, 0)
	return reset && known
}

// readable asks the kernel whether a read of a connection, or an accept of a
// listener, has something: an end counts.
func readable(socket any) (ready, known bool) { return poll(socket, unix.POLLIN|unix.POLLRDHUP) }

// poll looks at a socket without waiting. One that is closed here has ended.
func poll(socket any, events int16) (happened, known bool) {
	sc, ok := socket.(syscall.Conn)
	if !ok {
		return false, false
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return true, true
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

// unread is how many bytes have come that nobody has read; 0 if the kernel does not
// tell.
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
