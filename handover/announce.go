package handover

import (
	"fmt"
	"strconv"
	"strings"
)

// systemd defines the first three variables (sd_listen_fds(3)). A predecessor cannot
// know its successor's pid in advance. So it leaves out LISTEN_PID, which makes other
// programs ignore the descriptors, and sets our own variable instead.
const (
	envPID        = "LISTEN_PID"
	envFDs        = "LISTEN_FDS"
	envNames      = "LISTEN_FDNAMES"
	envGeneration = "PARADISE_HANDOVER" // the successor's generation, from 1

	firstFD = 3
	maxFDs  = 1024
	maxName = 255
)

// announcement lists the inherited listeners, whose descriptors start at firstFD. In
// a generation above 0 the link to the predecessor is the descriptor after them.
type announcement struct {
	generation int
	names      []string
}

// announced reads the announcement from the environment of the process with this pid.
func announced(getenv func(string) string, pid int) (announcement, error) {
	var a announcement
	if g := getenv(envGeneration); g != "" {
		n, err := strconv.Atoi(g)
		if err != nil || n < 1 {
			return a, fmt.Errorf("%s is not a generation: %q", envGeneration, g)
		}
		a.generation = n
	} else if getenv(envPID) != strconv.Itoa(pid) {
		return a, nil
	}
	n, err := strconv.Atoi(getenv(envFDs))
	if err != nil || n < 0 || n > maxFDs {
		return a, fmt.Errorf("%s is not a number of descriptors: %q", envFDs, getenv(envFDs))
	}
	if n == 0 {
		return a, nil
	}
	a.names, err = splitNames(getenv(envNames), n)
	return a, err
}

// splitNames returns n names. If list is empty, all are "unknown", as in
// sd_listen_fds_with_names(3).
func splitNames(list string, n int) ([]string, error) {
	if list == "" {
		list = strings.Repeat("unknown:", n-1) + "unknown"
	}
	names := strings.Split(list, ":")
	if len(names) != n {
		return nil, fmt.Errorf("%s has %d names for %d descriptors", envNames, len(names), n)
	}
	return names, nil
}

// checkName refuses names that LISTEN_FDNAMES cannot carry.
func checkName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("handover: a listener name must have 1 to %d bytes", maxName)
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || c == ':' {
			return fmt.Errorf("handover: listener name %q: it must be printable ASCII without spaces and colons", name)
		}
	}
	return nil
}

// successorEnv returns environ with the announcement of the next generation.
func successorEnv(environ []string, generation int, names []string) []string {
	env := make([]string, 0, len(environ)+3)
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case envPID, envFDs, envNames, envGeneration:
		case envWatchdogPID: // it names this process; without it the watchdog watches the main process
		default:
			env = append(env, kv)
		}
	}
	return append(env,
		envFDs+"="+strconv.Itoa(len(names)),
		envNames+"="+strings.Join(names, ":"),
		envGeneration+"="+strconv.Itoa(generation),
	)
}
