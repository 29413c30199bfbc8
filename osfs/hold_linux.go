package osfs

import (
	"errors"

	"golang.org/x/sys/unix"
)

// lock is a descriptor that nobody else has: the lock ends with it, by whatever end of
// the process.
type lock int

// lock takes the folder's lock, or returns errHeld, or errors.ErrUnsupported where the
// folder may not be read or its file system has no locks. A polite one that would share
// the lock leaves it to those who wait to have it alone.
func (d *dir) lock(alone, polite bool) (lock, error) {
	fd, err := d.lockable()
	if err != nil {
		return 0, err
	}
	how := unix.LOCK_SH | unix.LOCK_NB
	switch {
	case alone:
		how = unix.LOCK_EX | unix.LOCK_NB
	case polite && awaited(fd):
		unix.Close(fd)
		return 0, errHeld
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

// lockable opens the folder for one lock.
func (d *dir) lockable() (int, error) {
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
	return fd, pathError("open", ".", err)
}

// wait says, until it is unlocked, that somebody waits to have the folder alone. A record
// lock for reading is the sign: it is independent of flock, seen by all processes, and
// ends with the descriptor.
func (d *dir) wait() (lock, error) {
	fd, err := d.lockable()
	if err != nil {
		return 0, err
	}
	sign := unix.Flock_t{Type: unix.F_RDLCK}
	if err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &sign); err != nil {
		unix.Close(fd)
		return 0, err
	}
	return lock(fd), nil
}

func awaited(fd int) bool {
	sign := unix.Flock_t{Type: unix.F_WRLCK} // which a sign would be in the way of
	err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &sign)
	return err == nil && sign.Type != unix.F_UNLCK
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
