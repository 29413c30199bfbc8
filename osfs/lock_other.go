//go:build (!unix && !windows) || aix || solaris

package osfs

import (
	"errors"
	"os"
)

// tryLock cannot prove anything here, so nothing is ever swept.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
