package paradise

import "time"

// channelOffered remembers a new passive channel.
func (c *conn) channelOffered(d *dataChan, verb, arg string) {
	rec := &channelRecord{id: d.id, port: d.port, verb: verb, arg: displayed(arg), opened: time.Now(), open: true}
	d.record = rec
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.channels) >= channelsKept {
		copy(c.channels, c.channels[1:])
		c.channels = c.channels[:len(c.channels)-1]
	}
	c.channels = append(c.channels, rec)
}

func (c *conn) channelUsed(d *dataChan, j *job) {
	if d == nil || d.record == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d.record.use, d.record.useArg = j.verb, displayed(c.arg)
}

func (c *conn) channelDone(d *dataChan) {
	if d == nil || d.record == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d.record.open = false
}

func (c *conn) stats() SessionStats {
	f := c.facts()
	s := SessionStats{
		ID:     f.ID,
		Short:  hexID(shortID(f.ID)),
		User:   displayed(f.User.Name),
		Remote: f.Remote.String(),
		Opened: c.started,
		TLS:    f.TLS != nil,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Verb, s.Arg, s.Since = c.verb, displayed(c.arg), c.lastLine
	if x := c.xfer; x != nil {
		s.Transfer = &TransferNow{Verb: x.job.verb, Name: displayed(x.job.name), Started: x.started,
			Bytes: x.moved.Load(), Size: x.size.Load()}
	}
	for _, r := range c.channels {
		verb, arg := r.shown()
		s.Passive = append(s.Passive, PassiveStats{
			ID: hexID(r.id), Port: r.port, Verb: verb, Arg: arg, Opened: r.opened, Open: r.open,
		})
	}
	return s
}
