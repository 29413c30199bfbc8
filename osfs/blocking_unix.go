//go:build unix

package osfs

import (
	"os"
	"syscall"
)

const nonBlock = syscall.O_NONBLOCK

// setBlocking undoes nonBlock.
func setBlocking(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = conn.Control(func(fd uintptr) { inner = syscall.SetNonblock(int(fd), false) })
	if err != nil {
		return err
	}
	return inner
}
