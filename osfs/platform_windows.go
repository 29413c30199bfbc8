package osfs

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"

	"github.com/paradiseftp/paradise"
)

const platformFeatures = paradise.FeatureSpace

func (d *dir) space() (int64, error) {
	p, err := windows.UTF16PtrFromString(filepath.Join(d.root.Name(), filepath.FromSlash(d.rel)))
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, nil, nil); err != nil {
		return 0, d.pathError("GetDiskFreeSpaceEx", d.rel, err)
	}
	return int64(free), nil
}

func syncData(f *os.File) error { return f.Sync() }

func startWriteback(*os.File, int64, int64) {}

// syncFolder does nothing: the file system's journal covers names.
func syncFolder(*os.File) error { return nil }
