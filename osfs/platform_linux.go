package osfs

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/paradiseftp/paradise"
)

const platformFeatures = paradise.FeatureSetMode | paradise.FeatureSpace

// syncData brings a file's bytes, size and blocks to the disk.
func syncData(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != unix.EINTR {
			return pathError("fdatasync", f.Name(), err)
		}
	}
}

// startWriteback asks the disk to begin, without waiting; it is a hint only.
func startWriteback(f *os.File, off, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
}
