//go:build unix

package osfs_test

import (
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const windows = false

// errnos are all errors of the platform by name.
func errnos() map[string]syscall.Errno {
	all := map[string]syscall.Errno{}
	for errno := syscall.Errno(1); errno < 256; errno++ {
		if name := unix.ErrnoName(errno); name != "" {
			all[name] = errno
		}
	}
	all["EOPNOTSUPP"], all["ENOTSUP"] = unix.EOPNOTSUPP, unix.ENOTSUP // one number on Linux
	all["EAGAIN"] = unix.EAGAIN
	all["EDEADLK"] = unix.EDEADLK
	return all
}

// expected reports whether the platform has an error of that name.
func expected(name string) bool { return runtime.GOOS == "linux" || !strings.Contains(name, "KEY") }
