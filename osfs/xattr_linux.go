package osfs

import (
	"bytes"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// keepAttributes gives a file the extended attributes of the one whose place it takes:
// those of users, and the list of who else may read and write, without which the
// permission bits say less than they seem to. Labels of the system are not for us to copy.
// Where a file system has none, or not as many, the file goes without.
//
// It comes before the file's permission bits and owner, which may take away the right.
func keepAttributes(to, from *os.File) {
	for _, name := range attributesOf(int(from.Fd())) {
		if !strings.HasPrefix(name, "user.") && name != "system.posix_acl_access" {
			continue
		}
		if value := attribute(int(from.Fd()), name); value != nil {
			_ = unix.Fsetxattr(int(to.Fd()), name, value, 0)
		}
	}
}

// attributesOf lists the names; a file that has none costs one call.
func attributesOf(fd int) []string {
	size, err := unix.Flistxattr(fd, nil)
	if err != nil || size <= 0 {
		return nil
	}
	b := make([]byte, size)
	if size, err = unix.Flistxattr(fd, b); err != nil { // others come and go meanwhile
		return nil
	}
	var names []string
	for name := range bytes.SplitSeq(b[:size], []byte{0}) {
		if len(name) > 0 {
			names = append(names, string(name))
		}
	}
	return names
}

// attribute is the value of one, nil if it cannot be read.
func attribute(fd int, name string) []byte {
	size, err := unix.Fgetxattr(fd, name, nil)
	if err != nil {
		return nil
	}
	b := make([]byte, size)
	if size, err = unix.Fgetxattr(fd, name, b); err != nil {
		return nil
	}
	return b[:size]
}
