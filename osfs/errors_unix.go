//go:build unix

package osfs

import (
	"io/fs"
	"syscall"

	"github.com/paradiseftp/paradise"
)

const errCrossDevice = syscall.EXDEV

// meanings gives those errors a meaning that are neither of this program's making
// nor over soon by themselves; fs and errors know EACCES, EPERM, EEXIST, ENOENT and
// ENOTSUP. docs/errors.md explains them.
var meanings = map[syscall.Errno]error{
	syscall.ENOSPC:       paradise.ErrNoSpace,
	syscall.EDQUOT:       paradise.ErrQuota,
	syscall.EMLINK:       errFull,
	syscall.EFBIG:        paradise.ErrTooLarge,
	syscall.EOVERFLOW:    paradise.ErrTooLarge,
	syscall.ENOTDIR:      paradise.ErrNotDir,
	syscall.EISDIR:       paradise.ErrIsDir,
	syscall.ENOTEMPTY:    paradise.ErrNotEmpty,
	syscall.ENAMETOOLONG: paradise.ErrBadName,
	syscall.EILSEQ:       paradise.ErrBadName,
	syscall.EINVAL:       paradise.ErrBadName,
	syscall.ETXTBSY:      paradise.ErrBusy,
	syscall.EBUSY:        paradise.ErrBusy,
	syscall.EAGAIN:       paradise.ErrBusy,
	syscall.EDEADLK:      paradise.ErrBusy,
	syscall.EINTR:        paradise.ErrBusy,
	syscall.ESTALE:       paradise.ErrBusy, // gone on a server of network files: the next try finds out
	syscall.EROFS:        fs.ErrPermission,
	syscall.ELOOP:        fs.ErrPermission,
	syscall.ENXIO:        fs.ErrPermission, // a FIFO without a reader, a device that is not there
	syscall.ENODEV:       fs.ErrPermission,
	syscall.ENOTBLK:      fs.ErrPermission,
	syscall.EXDEV:        errElsewhereDisk,
}
