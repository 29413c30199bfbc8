package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// tree returns a process and all below it.
func tree(pid int) []int {
	pids := []int{pid}
	for i := 0; i < len(pids); i++ {
		tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pids[i]))
		for _, t := range tasks {
			b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pids[i], t.Name()))
			for _, f := range strings.Fields(string(b)) {
				if child, err := strconv.Atoi(f); err == nil {
					pids = append(pids, child)
				}
			}
		}
	}
	return pids
}

// cpuSeconds is what a tree of processes has used, with its dead children.
func cpuSeconds(pid int) float64 {
	const ticks = 100 // per second, on every Linux that Go knows
	total := 0.0
	for _, p := range tree(pid) {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		at := bytes.LastIndexByte(b, ')')
		if at < 0 {
			continue
		}
		f := strings.Fields(string(b[at+1:]))
		for _, i := range []int{11, 12, 13, 14} { // utime stime cutime cstime
			n, _ := strconv.ParseFloat(f[i], 64)
			total += n
		}
	}
	return total / ticks
}

// memoryKiB is the proportional share of memory (PSS) of a tree.
func memoryKiB(pid int) float64 {
	total := 0.0
	for _, p := range tree(pid) {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p))
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
				n, _ := strconv.ParseFloat(f[1], 64)
				total += n
			}
		}
	}
	return total
}
