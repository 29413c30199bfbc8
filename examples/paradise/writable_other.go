//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd

package main

import "os"

// writable checks only the mode of a folder: this system has no other way to find out
// without creating a file.
func writable(folder string) error {
	if info, err := os.Stat(folder); err == nil && info.Mode().Perm()&0o200 == 0 {
		return errNotWritable
	}
	return nil
}
