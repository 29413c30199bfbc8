package osfs

import (
	"github.com/paradiseftp/paradise"
	"golang.org/x/sys/unix"
	"os"
)

const platformFeatures = paradise.FeatureSetMode | paradise.FeatureSpace

func (d *dir) space() (int64, error) {
	f, err := d.root.Open(d.rel)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		return 0, d.pathError("statfs", d.rel, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

func syncData(f *os.File) error { return f.Sync() }

func startWriteback(*os.File, int64, int64) {}

func syncFolder(f *os.File) error { return f.Sync() }
