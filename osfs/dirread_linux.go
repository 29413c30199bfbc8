package osfs

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"iter"
	"os"

	"golang.org/x/sys/unix"

	"github.com/paradiseftp/paradise/internal/texts"
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

// dirReader reads a folder.
type dirReader struct {
	f   *os.File
	dir dir // for lstat and readlink
	st  unix.Stat_t
}

func (r *dirReader) close() { r.f.Close() }

// rewind has the next names begin with the first.
func (r *dirReader) rewind() error {
	_, err := unix.Seek(r.dir.fd, 0, io.SeekStart)
	return pathError("seek", ".", err)
}

// lstat fills i: beside the kernel's, copies are what a long listing's time goes
// into.
func (r *dirReader) lstat(name string, i *info) error {
	err := r.dir.lstatTo(name, &r.st)
	if err == nil {
		i.set(&r.st)
	}
	return err
}

func (r *dirReader) readlink(name string) (string, error) { return r.dir.readlink(name) }

// names yields the names in the folder, in the order of the disk. It reads the
// kernel's records itself: os.File.ReadDir costs three allocations a name.
func (r *dirReader) names(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		buf := make([]byte, 8<<10)
		var names texts.Texts
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
			if n == 0 || !yieldNames(buf[:n], &names, yield) {
				return
			}
		}
	}
}

// yieldNames walks over records of struct linux_dirent64: inode, offset, length
// of the record, type, and the name up to a NUL.
func yieldNames(records []byte, names *texts.Texts, yield func(string, error) bool) bool {
	const lengthAt, nameAt = 16, 19
	for len(records) > nameAt {
		length := int(binary.NativeEndian.Uint16(records[lengthAt:]))
		if length <= nameAt || length > len(records) {
			return true
		}
		name := records[nameAt:length]
		records = records[length:]
		if end := bytes.IndexByte(name, 0); end >= 0 {
			name = name[:end]
		}
		if string(name) != "." && string(name) != ".." && !yield(names.Add(name), nil) {
			return false
		}
	}
	return true
}
