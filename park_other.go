//go:build !linux

package paradise

import "time"

// parker is for platforms where an idle session needs no goroutine.
type parker struct{}

func newParker() *parker { return nil }

func (*parker) close() {}

func (*parker) unpark(*conn) {}

func (c *conn) canParkLocked() bool { return false }

func (c *conn) parkLocked(time.Time) bool { return false }
