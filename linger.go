package paradise

import (
	"time"

	"github.com/paradiseftp/paradise/internal/sock"
)

// returnData has the session take back a channel that the job has not begun to use:
// a refusal leaves it as it was, for the next command.
func (c *conn) returnData(x *xfer) {
	x.mu.Lock()
	d, stopped := x.data, x.cause != nil
	unused := d.unused()
	if unused {
		x.data = nil
	}
	x.mu.Unlock()
	if !unused {
		c.channelDone(d)
		return
	}
	d.noteRefusal()
	if stopped || !c.takeBack(d) {
		c.letGo(d)
	}
}

// takeBack makes d the session's channel again; false once the session is to end.
func (c *conn) takeBack(d *dataChan) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil || c.gone {
		return false
	}
	d.record.unused()
	c.data.Store(d)
	return true
}

// nextCommandSoon is how long a client that has connected to a channel may keep
// silent after a refusal.
const nextCommandSoon = 2 * time.Second

// silentUntil is when a refused command's channel is looked at.
func (c *conn) silentUntil(d *dataChan) time.Time {
	since := c.lastUse
	if d.looked.After(since) {
		since = d.looked
	}
	return since.Add(nextCommandSoon)
}

// endAwaited ends a channel to which a client has connected that has kept silent
// since its command was refused. It may wait for us there before it reads the
// refusal: for the end of a TLS handshake, as Perl's Net::FTP does, or until we take
// the upload that it sends.
func (c *conn) endAwaited(now time.Time) {
	d := c.data.Load()
	if d == nil || !d.keptPassive() || now.Before(c.silentUntil(d)) || !c.data.CompareAndSwap(d, nil) {
		return
	}
	d.looked = now
	if nc := d.waiting(); nc != nil {
		d.hold(nc)
		c.letGo(d)
		return
	}
	if !c.takeBack(d) {
		c.letGo(d)
	}
}

// dropData ends the session's channel that no transfer has taken.
func (c *conn) dropData() { c.letGo(c.data.Swap(nil)) }

func (c *conn) letGo(d *dataChan) {
	c.channelDone(d)
	switch {
	case !d.hangUp():
	case !c.keepLingering(d):
		d.Close()
	default:
		go c.linger(d, func() { drain(d.conn(), d.conn()) })
	}
}

// linger runs drain, and then closes d.
func (c *conn) linger(d *dataChan, drain func()) {
	drain()
	c.dropLingering(d)
	close(d.over)
}

// keepLingering makes d the one connection that lingers for this session: a client
// that ignores refusals must not pile them up. False: the session has ended.
func (c *conn) keepLingering(d *dataChan) bool {
	d.over = make(chan struct{})
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		return false
	}
	former := c.lingering
	c.lingering = d
	c.mu.Unlock()
	former.Close()
	return true
}

// dropLingering closes what lingers if it is d; nil stands for any.
func (c *conn) dropLingering(d *dataChan) {
	c.mu.Lock()
	if d == nil {
		d = c.lingering
	}
	if c.lingering == d {
		c.lingering = nil
	}
	c.mu.Unlock()
	d.Close()
}

// awaitLingering tells a client that has not closed its data connection yet that the
// session is over, and gives it the time to take that in.
func (c *conn) awaitLingering() {
	c.mu.Lock()
	d := c.lingering
	c.mu.Unlock()
	if d == nil {
		return
	}
	sock.CloseWrite(d.conn())
	select {
	case <-d.over:
	case <-time.After(closeNotifyTime):
	}
}
