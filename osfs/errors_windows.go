package osfs

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/windows"

	"github.com/paradiseftp/paradise"
)

const errCrossDevice = windows.ERROR_NOT_SAME_DEVICE

// meanings gives those errors a meaning that are neither of this program's making
// nor over soon by themselves. docs/errors.md explains them.
var meanings = map[syscall.Errno]error{
	windows.ERROR_DISK_FULL:              paradise.ErrNoSpace,
	windows.ERROR_HANDLE_DISK_FULL:       paradise.ErrNoSpace,
	windows.ERROR_DISK_QUOTA_EXCEEDED:    paradise.ErrQuota,
	windows.ERROR_NOT_ENOUGH_QUOTA:       paradise.ErrQuota,
	windows.ERROR_TOO_MANY_LINKS:         errFull,
	windows.ERROR_FILE_TOO_LARGE:         paradise.ErrTooLarge,
	windows.ERROR_DIRECTORY:              paradise.ErrNotDir,
	windows.ERROR_DIR_NOT_EMPTY:          paradise.ErrNotEmpty,
	windows.ERROR_INVALID_NAME:           paradise.ErrBadName,
	windows.ERROR_BAD_PATHNAME:           paradise.ErrBadName,
	windows.ERROR_FILENAME_EXCED_RANGE:   paradise.ErrBadName,
	windows.ERROR_BUFFER_OVERFLOW:        paradise.ErrBadName, // "the file name is too long"
	windows.ERROR_LABEL_TOO_LONG:         paradise.ErrBadName,
	windows.ERROR_NO_UNICODE_TRANSLATION: paradise.ErrBadName,
	windows.ERROR_SHARING_VIOLATION:      paradise.ErrBusy,
	windows.ERROR_LOCK_VIOLATION:         paradise.ErrBusy,
	windows.ERROR_USER_MAPPED_FILE:       paradise.ErrBusy,
	windows.ERROR_DELETE_PENDING:         paradise.ErrBusy,
	windows.ERROR_BUSY:                   paradise.ErrBusy,
	windows.ERROR_PATH_BUSY:              paradise.ErrBusy,
	windows.ERROR_CURRENT_DIRECTORY:      paradise.ErrBusy,
	windows.ERROR_WRITE_PROTECT:          fs.ErrPermission,
	windows.ERROR_CANT_RESOLVE_FILENAME:  fs.ErrPermission, // a loop of links
	windows.ERROR_CANT_ACCESS_FILE:       fs.ErrPermission,
	windows.ERROR_NOT_SAME_DEVICE:        errElsewhereDisk,
	syscall.ENOTDIR:                      paradise.ErrNotDir,
	syscall.EISDIR:                       paradise.ErrIsDir,
	syscall.EINVAL:                       paradise.ErrBadName,
	syscall.ELOOP:                        fs.ErrPermission,
}
