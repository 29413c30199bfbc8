//go:build unix

package handover

import (
	"os"
	"os/signal"
	"syscall"
)

// NotifyRestart relays SIGUSR2, the request for an Upgrade, to c. Call it just
// before Ready, and read c once Ready has returned: a signal that comes as soon
// as the pid file is there would be lost otherwise. Give c room for one, in which
// it waits. On systems without the signal nothing is ever sent.
func NotifyRestart(c chan<- os.Signal) { signal.Notify(c, syscall.SIGUSR2) }
