package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tree returns a process and all its descendants.
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

// group is the control group of one server. Only a control group also counts children that
// have ended.
type group struct{ dir, usage string }

// newGroup creates a group, for either version of control groups.
func newGroup() (*group, error) {
	for parent, usage := range map[string]string{"/sys/fs/cgroup/cpuacct": "cpuacct.usage", "/sys/fs/cgroup": "cpu.stat"} {
		if _, err := os.Stat(filepath.Join(parent, usage)); err != nil {
			continue
		}
		dir, err := os.MkdirTemp(parent, "ftpbenchmark-")
		if err == nil {
			return &group{dir, filepath.Join(dir, usage)}, nil
		}
	}
	return nil, errors.New("no control group can be made for the servers: run as root")
}

// enclose makes a command join the group before it starts.
func (g *group) enclose(cmd *exec.Cmd) {
	join := []string{"/bin/sh", "-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, g.dir, cmd.Path}
	cmd.Path, cmd.Args = "/bin/sh", append(join, cmd.Args[1:]...)
}

// seconds returns the CPU time used in the group.
func (g *group) seconds() float64 {
	b, _ := os.ReadFile(g.usage)
	f := strings.Fields(string(b))
	switch {
	case len(f) == 1:
		ns, _ := strconv.ParseFloat(f[0], 64)
		return ns / 1e9
	case len(f) > 1 && f[0] == "usage_usec":
		us, _ := strconv.ParseFloat(f[1], 64)
		return us / 1e6
	}
	return 0
}

// end kills the remaining processes of the group.
func (g *group) end() {
	for range 50 {
		b, _ := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
		pids := strings.Fields(string(b))
		if len(pids) == 0 {
			break
		}
		for _, p := range pids {
			if pid, err := strconv.Atoi(p); err == nil {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	os.Remove(g.dir)
}

// memoryKiB returns the proportional set size (PSS) of a tree of processes.
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
