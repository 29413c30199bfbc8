//go:build !linux

package osfs

import "syscall"

var moreMeanings map[syscall.Errno]error
