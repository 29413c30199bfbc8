// Package endurance holds the tests that need real processes, sockets and disks,
// and many repetitions: that a 226 means the whole file is there, and that
// nothing leaks, whatever dies. They run in full with
//
//	PARADISE_FULL=1 go test ./endurance -timeout 60m
//
// and with about a tenth of the counts otherwise. Each test logs the seed of its
// random choices; PARADISE_SEED=n repeats them.
package endurance
