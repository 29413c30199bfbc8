//go:build !linux && !darwin && !windows

package osfs

import (
	"errors"
	"os"

	"github.com/paradiseftp/paradise"
)

const platformFeatures = paradise.FeatureSetMode

func (d *dir) space() (int64, error) { return 0, errors.ErrUnsupported }

func syncData(f *os.File) error { return f.Sync() }

func startWriteback(*os.File, int64, int64) {}

func syncFolder(f *os.File) error { return f.Sync() }
