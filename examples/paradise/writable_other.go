//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd

package main

import "os"

// writable looks at the mode alone: there is no way to ask without making a
// file.
func writable(folder string) error {
	if info, err := os.Stat(folder); err == nil && info.Mode().Perm()&0o200 == 0 {
		return errNotWritable
	}
	return nil
}
