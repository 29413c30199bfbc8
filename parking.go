package paradise

import (
	"net"
	"time"
)

// parkAfter is how long a session idles before it gives its goroutine back:
// longer than a client takes between two commands of one task, but short in a
// crowd, so that thousands who log in at once do not hold their stacks together.
func (c *conn) parkAfter() time.Duration {
	if c.env.awake.Load() > 128 {
		return 5 * time.Millisecond
	}
	return 50 * time.Millisecond
}

// canParkLocked reports whether the session is one that idles in the clear:
// nothing buffered, nothing under way.
func (c *conn) canParkLocked() bool {
	_, tcp := c.raw.(*net.TCPConn)
	return tcp && c.env.parker != nil && c.bed.polled != pollRefused && c.nc == c.raw &&
		c.xfer == nil && c.data.Load() == nil && len(c.queue) == 0 &&
		c.facts().LoggedIn() && !c.lines.Partial() && c.lines.Buffered() == 0
}

// parkLocked gives the session to the parker; its goroutine must end then. It
// runs under mu, so the parker can't wake the session before that.
func (c *conn) parkLocked() bool {
	rc, err := c.raw.(*net.TCPConn).SyscallConn()
	if err != nil || !c.lines.Release() {
		return false
	}
	c.nc.SetReadDeadline(time.Time{})
	if c.env.parker.add(c, c.facts().ID, rc) != nil {
		c.bed.polled = pollRefused // a goroutine it is then, not try after try
		return false
	}
	c.parked = true
	c.rest()
	return true
}

// resume starts the session's loop again.
func (c *conn) resume() {
	c.parked, c.unparked = false, true
	c.rouse()
	c.env.awake.Add(1)
	go c.loop()
}

// rest gives back what only a running session needs.
func (c *conn) rest() {
	*c.awake = awake{}
	awakes.Put(c.awake)
	c.awake = nil
	c.env.awake.Add(-1)
}
