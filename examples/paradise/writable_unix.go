//go:build linux || darwin || freebsd || netbsd || openbsd

package main

import (
	"errors"
	"os"
	"syscall"
)

// writable checks whether this process may create files in a folder. It does not create
// one, because programs that watch the folder would see it.
func writable(folder string) error {
	const writeAndSearch = 2 | 1
	err := syscall.Access(folder, writeAndSearch)
	switch {
	case err == nil, errors.Is(err, os.ErrNotExist):
		return nil
	case errors.Is(err, syscall.EROFS):
		return errors.New("is on a file system that is mounted read-only")
	}
	return errNotWritable
}
