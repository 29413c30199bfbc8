//go:build unix

package handover

import (
	"os"
	"os/signal"
	"syscall"
)

// NotifyRestart relays SIGUSR2, the request for an Upgrade, to c. Call it just before
// Ready, and read c once Ready has returned; otherwise a signal that arrives as soon
// as the pid file is in place would be lost. Give c a buffer of one, in which the
// signal waits. On systems without SIGUSR2 nothing is ever sent.
func NotifyRestart(c chan<- os.Signal) { signal.Notify(c, syscall.SIGUSR2) }
