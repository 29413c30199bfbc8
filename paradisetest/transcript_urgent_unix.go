//go:build unix

package paradisetest

import (
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// sendUrgent sends p as TCP urgent data, like Telnet's Synch (RFC 854). The last byte is
// the urgent one.
func sendUrgent(nc net.Conn, p []byte) error {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return fmt.Errorf("no urgent data over %T", nc)
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	err = rc.Write(func(fd uintptr) bool {
		_, serr = unix.SendmsgN(int(fd), p, nil, nil, unix.MSG_OOB)
		return serr != unix.EAGAIN
	})
	if err != nil {
		return err
	}
	return serr
}
