//go:build !linux

package paradise

import "time"

// parker is for platforms where an idle session needs no goroutine.
type parker struct{}

func newParker(func(uint64) *conn) *parker { return nil }

func (*parker) close() {}

func (*parker) unpark(*conn) {}

func (c *conn) parkAfter() time.Duration { return 0 }

func (c *conn) canParkLocked() bool { return false }

func (c *conn) parkLocked() bool { return false }
