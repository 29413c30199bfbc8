//go:build unix

package osfs

import (
	"io/fs"
	"syscall"

	"github.com/paradiseftp/paradise"
)

var meanings = map[syscall.Errno]error{
	syscall.ENOSPC:       paradise.ErrNoSpace,
	syscall.EDQUOT:       paradise.ErrQuota,
	syscall.EFBIG:        paradise.ErrTooLarge,
	syscall.ENOTDIR:      paradise.ErrNotDir,
	syscall.EISDIR:       paradise.ErrIsDir,
	syscall.ENOTEMPTY:    paradise.ErrNotEmpty,
	syscall.ENAMETOOLONG: paradise.ErrBadName,
	syscall.EILSEQ:       paradise.ErrBadName,
	syscall.EINVAL:       paradise.ErrBadName,
	syscall.ETXTBSY:      paradise.ErrBusy,
	syscall.EBUSY:        paradise.ErrBusy,
	syscall.EAGAIN:       paradise.ErrBusy,
	syscall.EROFS:        fs.ErrPermission,
	syscall.ELOOP:        fs.ErrPermission,
	syscall.ENXIO:        fs.ErrPermission, // a FIFO without a reader, a device that is not there
}
