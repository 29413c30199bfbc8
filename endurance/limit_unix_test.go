//go:build unix

package endurance

import "syscall"

// limitFiles bounds the size of the files that this process writes.
func limitFiles(n uint64) error {
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n})
}
