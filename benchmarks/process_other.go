//go:build !linux

package main

// Only Linux tells what other processes use in a way that this program reads.

func cpuSeconds(int) float64 { return 0 }

func memoryKiB(int) float64 { return 0 }
