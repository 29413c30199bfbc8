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
	links    uint64 // names of the file; zero where the platform does not tell
	//lint:ignore U1000 other platforms use it
	sys fs.FileInfo // where dev and ino do not identify the file
}

// unchanged reports whether a and b are the same file with the same content,
// as far as its attributes tell.
func unchanged(a, b info) bool {
	return sameFile(a, b) && a.size == b.size && a.mtime.Equal(b.mtime)
}

// describe fills e, all but its name and what takes memory of its own.
func (i *info) describe(e *paradise.Entry, owners func(uid, gid uint32) (string, string)) {
	e.Size, e.Mode, e.ModTime = i.size, i.mode, i.mtime
	if owners != nil {
		e.Owner, e.Group = owners(i.uid, i.gid)
	}
}

// maxUnique is the length of two numbers of 64 bits and what parts them.
const maxUnique = 33

// maxVersion is the length of a unique, two more numbers and what parts them.
const maxVersion = maxUnique + 2*17

// appendVersion appends what changes with the content; nothing if unknown.
func (i *info) appendVersion(b []byte) []byte {
	if i.ino == 0 {
		return b
	}
	b = append(i.appendUnique(b), '-')
	b = append(strconv.AppendUint(b, uint64(i.size), 16), '-')
	return strconv.AppendUint(b, uint64(i.mtime.UnixNano()), 16)
}

// appendUnique appends what tells the file from all others; nothing if unknown.
func (i *info) appendUnique(b []byte) []byte {
	if i.ino == 0 {
		return b
	}
	b = append(strconv.AppendUint(b, i.dev, 16), 'g')
	return strconv.AppendUint(b, i.ino, 16)
}
