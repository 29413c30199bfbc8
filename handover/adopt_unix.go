//go:build unix

package handover

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// adopt turns the announced descriptors into listeners. It checks all of them first:
// if the environment is stale, a number may belong to any descriptor, even to the Go
// runtime's poller, which must not be closed.
func adopt(a announcement) (sockets []socket, err error) {
	for i, name := range a.names {
		if err := checkListening(firstFD + i); err != nil {
			return nil, fmt.Errorf("descriptor %d (%q): %w", firstFD+i, name, err)
		}
	}
	for i, name := range a.names {
		f := os.NewFile(uintptr(firstFD+i), name)
		l, err := net.FileListener(f) // a copy, closed on exec
		f.Close()
		if err != nil {
			closeAll(sockets)
			return nil, fmt.Errorf("descriptor %d (%q): %w", firstFD+i, name, err)
		}
		sockets = append(sockets, socket{name: name, l: l})
	}
	return sockets, nil
}

func checkListening(fd int) error {
	listening, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil {
		return os.NewSyscallError("getsockopt", err)
	}
	if listening == 0 {
		return fmt.Errorf("not a listening socket")
	}
	return nil
}

// openLink returns the successor's end of the link.
func openLink(fd int) (*os.File, error) {
	typ, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	if err != nil || typ != syscall.SOCK_STREAM {
		return nil, fmt.Errorf("descriptor %d is no link to a predecessor", fd)
	}
	syscall.CloseOnExec(fd)
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, os.NewSyscallError("setnonblock", err)
	}
	return os.NewFile(uintptr(fd), "handover"), nil
}
