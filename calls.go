package paradise

import "time"

// called marks the begin and the end of a call that a driver may not return
// from.
func (c *conn) called(begin bool) {
	limit := c.env.timeouts.Driver
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calling = begin
	if begin {
		c.due = time.Now().Add(limit)
		c.dog.arm(limit, c)
		return
	}
	c.dog.disarm()
	if c.abandoned {
		c.env.stuck.returned(c)
	}
}

// watched is the session's storage for a handler that calls it again and again.
func (c *conn) watched() FileDriver { return watched{c.files(), c} }

// guard and unguard begin a bound anew: the rest of the handler has one too.
func (c *conn) guard() { c.called(true) }

func (c *conn) unguard() { c.called(true) }

// watched is a driver for the steps of this job.
func (x *xfer) watched(files FileDriver) FileDriver { return watched{files, x} }
