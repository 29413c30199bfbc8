package paradise

import "time"

// queueLimit bounds the commands read ahead during a transfer; past it we stop
// reading, and TCP makes the client wait.
const queueLimit = 16

// quits reports whether QUIT waits for the transfer that runs.
func (c *conn) quits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.quitQueuedLocked()
}

func (c *conn) quitQueuedLocked() bool {
	for _, text := range c.queue {
		if verb, _ := splitCommand(text); verb == "QUIT" {
			return true
		}
	}
	return false
}

// lastWords goes on with the queue after the client has said its last.
func (c *conn) lastWords() (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.xfer != nil || len(c.queue) == 0 || c.wakes&wakeStop != 0 {
		return "", false
	}
	return c.dequeueLocked(), true
}

func (c *conn) dequeueLocked() string {
	text := c.queue[0]
	c.queue = c.queue[1:]
	c.lineStart = time.Time{} // the line behind it waits for us
	return text
}

// pipelined reports whether commands wait behind the one being run.
func (c *conn) pipelined() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue) > 0
}
