package osfs

import (
	"syscall"

	"golang.org/x/sys/windows"

	"github.com/paradiseftp/paradise"
)

var meanings = map[syscall.Errno]error{
	windows.ERROR_DISK_FULL:            paradise.ErrNoSpace,
	windows.ERROR_HANDLE_DISK_FULL:     paradise.ErrNoSpace,
	windows.ERROR_DISK_QUOTA_EXCEEDED:  paradise.ErrQuota,
	windows.ERROR_FILE_TOO_LARGE:       paradise.ErrTooLarge,
	windows.ERROR_DIRECTORY:            paradise.ErrNotDir,
	windows.ERROR_DIR_NOT_EMPTY:        paradise.ErrNotEmpty,
	windows.ERROR_INVALID_NAME:         paradise.ErrBadName,
	windows.ERROR_FILENAME_EXCED_RANGE: paradise.ErrBadName,
	windows.ERROR_SHARING_VIOLATION:    paradise.ErrBusy,
	windows.ERROR_LOCK_VIOLATION:       paradise.ErrBusy,
	syscall.ENOTDIR:                    paradise.ErrNotDir,
	syscall.EISDIR:                     paradise.ErrIsDir,
	syscall.EINVAL:                     paradise.ErrBadName,
}
