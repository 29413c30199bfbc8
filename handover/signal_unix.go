//go:build unix

package handover

import (
	"os"
	"os/signal"
	"syscall"
)

// NotifyRestart relays SIGUSR2, the request for an Upgrade, to c. Call it after
// Ready: until then Go's runtime drops the signal, as it should. Give c room for
// one. On systems without the signal nothing is ever sent.
func NotifyRestart(c chan<- os.Signal) { signal.Notify(c, syscall.SIGUSR2) }
