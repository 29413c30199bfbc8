//go:build !linux

package paradisetest

// openFiles has no cheap way to count here, so that no descriptor counts.
func openFiles() int { return 0 }
