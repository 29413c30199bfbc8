//go:build unix

package main

import (
	"errors"
	"syscall"
)

const dontWait = syscall.O_NONBLOCK

// unread reports whether a file was not opened because it is a named pipe without a
// reader.
func unread(err error) bool { return errors.Is(err, syscall.ENXIO) }
