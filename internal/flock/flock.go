// Package flock locks files among processes. A lock ends with the file that it was
// taken through, by whatever end of the process; two opens of one file exclude each
// other also within a process.
package flock

import "os"

// Lock waits until f is locked. errors.ErrUnsupported where the system cannot.
func Lock(f *os.File) error { return lock(f) }

// TryLock locks f and returns true, or returns false at once if another one has it.
// errors.ErrUnsupported where the system cannot.
func TryLock(f *os.File) (bool, error) { return tryLock(f) }

// Unlock gives f free before it is closed.
func Unlock(f *os.File) error { return unlock(f) }
