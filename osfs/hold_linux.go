package osfs

import (
	"errors"

	"golang.org/x/sys/unix"
)

// lock is a descriptor that nobody else has: the lock ends with it, by whatever end of
// the process.
type lock int

// lock takes the folder's lock, or returns errHeld, or errors.ErrUnsupported where the
// folder may not be read or its file system has no locks.
func (d *dir) lock(alone bool) (lock, error) {
	fd, err := ignoringEINTR(func() (int, error) {
		return unix.Openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOATIME, 0)
	})
	if err == unix.EPERM { // only the owner may leave the time of access alone
		fd, err = ignoringEINTR(func() (int, error) {
			return unix.Openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		})
	}
	if err == unix.EACCES {
		return 0, errors.ErrUnsupported
	}
	if err != nil {
		return 0, pathError("open", ".", err)
	}
	how := unix.LOCK_SH | unix.LOCK_NB
	if alone {
		how = unix.LOCK_EX | unix.LOCK_NB
	}
	_, err = ignoringEINTR(func() (int, error) { return 0, unix.Flock(fd, how) })
	if err == nil {
		return lock(fd), nil
	}
	unix.Close(fd)
	if err == unix.EWOULDBLOCK {
		return 0, errHeld
	}
	return 0, errors.ErrUnsupported
}

func (l lock) unlock() { unix.Close(int(l)) }

func ignoringEINTR(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}
