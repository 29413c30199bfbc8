package osfs

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// mayWrite asks the kernel whether the process may write into a file, without
// opening it: those who watch the folder would take that for a change.
func (d *dir) mayWrite(name string) error {
	err := unix.Faccessat(d.fd, name, unix.W_OK, unix.AT_EACCESS)
	if err != nil {
		return &fs.PathError{Op: "write", Path: name, Err: err}
	}
	return nil
}
