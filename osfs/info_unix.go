//go:build unix

package osfs

import (
	"io/fs"
	"syscall"
)

func infoOf(fi fs.FileInfo) info {
	i := info{mode: fi.Mode(), size: fi.Size(), mtime: fi.ModTime()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		i.dev, i.ino, i.uid, i.gid = uint64(st.Dev), uint64(st.Ino), st.Uid, st.Gid
		i.links = uint64(st.Nlink)
	}
	return i
}

func sameFile(a, b info) bool { return a.dev == b.dev && a.ino == b.ino }
