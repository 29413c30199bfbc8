//go:build unix && !aix && !solaris

package osfs

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks a file until it is closed, by whatever end of the process, and
// reports whether it was free.
func tryLock(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		default:
			return false, err
		}
	}
}
