package osfs

import (
	"io/fs"
	"syscall"
)

// moreMeanings are those of errors that other systems do not have.
var moreMeanings = map[syscall.Errno]error{
	syscall.ENOKEY:       fs.ErrPermission, // an encrypted folder that nobody has opened
	syscall.EKEYEXPIRED:  fs.ErrPermission,
	syscall.EKEYREVOKED:  fs.ErrPermission,
	syscall.EKEYREJECTED: fs.ErrPermission,
}
