package osfs

import (
	"io/fs"
	"strconv"
	"time"

	"github.com/paradiseftp/paradise"
)

// info is what a driver needs to know of a file.
type info struct {
	mode     fs.FileMode
	size     int64
	mtime    time.Time
	dev, ino uint64 // zero where the platform does not tell
	uid, gid uint32
	//lint:ignore U1000 other platforms use it
	sys fs.FileInfo // where dev and ino do not identify the file
}

// unchanged reports whether a and b are the same file with the same content,
// as far as its attributes tell.
func unchanged(a, b info) bool {
	return sameFile(a, b) && a.size == b.size && a.mtime.Equal(b.mtime)
}

func (i info) entry(name string, owners func(uid, gid uint32) (string, string)) paradise.Entry {
	e := paradise.Entry{Name: name, Size: i.size, Mode: i.mode, ModTime: i.mtime}
	if owners != nil {
		e.Owner, e.Group = owners(i.uid, i.gid)
	}
	if i.ino != 0 {
		var b [32]byte
		u := strconv.AppendUint(b[:0], i.dev, 16)
		u = append(u, 'g')
		e.Unique = string(strconv.AppendUint(u, i.ino, 16))
	}
	return e
}
