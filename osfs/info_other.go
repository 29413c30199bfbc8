//go:build !unix

package osfs

import (
	"io/fs"
	"os"
)

func infoOf(fi fs.FileInfo) info {
	return info{mode: fi.Mode(), size: fi.Size(), mtime: fi.ModTime(), sys: fi}
}

func sameFile(a, b info) bool {
	return a.sys != nil && b.sys != nil && os.SameFile(a.sys, b.sys)
}
