//go:build !linux

package handover

func monotonicUsec() (int64, bool) { return 0, false }
