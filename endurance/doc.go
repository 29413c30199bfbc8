// Package endurance has the tests that need real processes, sockets and disks, and many
// repetitions. They show that a 226 means that the whole file is there, and that nothing
// leaks, whatever dies. They run in full with
//
//	PARADISE_FULL=1 go test ./endurance -timeout 60m
//
// and otherwise with about a tenth of the repetitions. Each test logs the seed of its random
// choices; PARADISE_SEED=n repeats them.
package endurance
