package osfs

import (
	"bytes"
	"context"
	"encoding/binary"
	"iter"
	"os"

	"golang.org/x/sys/unix"
)

// reader opens the folder for reading its names.
func (d *dir) reader() (*dirReader, error) {
	f, err := d.openat("open", ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	r := &dirReader{f: f}
	r.dir.fd = int(f.Fd())
	return r, nil
}

// dirReader reads a folder, once.
type dirReader struct {
	f   *os.File
	dir dir // for lstat and readlink
}

func (r *dirReader) close() { r.f.Close() }

func (r *dirReader) lstat(name string) (info, error) { return r.dir.lstat(name) }

func (r *dirReader) readlink(name string) (string, error) { return r.dir.readlink(name) }

// names yields the names in the folder, in the order of the disk. It reads the
// kernel's records itself: os.File.ReadDir costs three allocations a name.
func (r *dirReader) names(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		buf := make([]byte, 8<<10)
		for {
			n, err := unix.Getdents(r.dir.fd, buf)
			if err == unix.EINTR {
				continue
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield("", pathError("getdents", ".", err))
				return
			}
			if n == 0 || !yieldNames(buf[:n], yield) {
				return
			}
		}
	}
}

// yieldNames walks over records of struct linux_dirent64: inode, offset, length
// of the record, type, and the name up to a NUL.
func yieldNames(records []byte, yield func(string, error) bool) bool {
	const lengthAt, nameAt = 16, 19
	for len(records) > nameAt {
		length := int(binary.NativeEndian.Uint16(records[lengthAt:]))
		if length <= nameAt || length > len(records) {
			return true
		}
		name, _, _ := bytes.Cut(records[nameAt:length], []byte{0})
		records = records[length:]
		if s := string(name); s != "." && s != ".." && !yield(s, nil) {
			return false
		}
	}
	return true
}
