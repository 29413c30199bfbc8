package paradise

import (
	"time"

	"github.com/paradiseftp/paradise/internal/sock"
)

// lostControlWait is the default of Policy.LostControlWait: twice what a client needed
// that was killed on a host with nine programs for each processor.
const lostControlWait = 30 * time.Millisecond

// longestLostWait bounds it: a host that vanishes sends no end however long one waits,
// and each upload in the clear ends so much later.
const longestLostWait = time.Minute

const (
	lostSoon  = time.Millisecond       // the loop's read sees an end at once
	lostKnown = 500 * time.Millisecond // the kernel knows of the end, and the loop is about to read it
)

// controlAlive looks at the control connection at the end of the data: a client that
// died must not get its upload published. Its control connection may be about to end:
// Linux closes the sockets of a process that was killed newest first, so the data's
// end comes before, on a busy host by many milliseconds. proved says that the client
// has told where its data ends, which spares that wait. The kernel tells then whether
// the peer has closed; if so the loop has the last word, because a QUIT may stand
// before the end.
func (x *xfer) controlAlive(proved bool) error {
	policy := &x.c.facts().Policy
	if policy.AllowLostControl {
		return nil
	}
	wait := policy.LostControlWait
	if wait == 0 {
		wait = lostControlWait
	}
	if proved || wait < 0 || x.saidMore() {
		wait = 0
	}
	x.awaitEnd(min(wait, longestLostWait))
	closed, known := sock.PeerClosed(x.c.raw) // the loop may be late
	if !known && wait < lostSoon {
		x.awaitEnd(lostSoon)
	}
	if closed {
		x.awaitVerdict(lostKnown)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.lost || closed && !x.ended {
		return ErrControlLost
	}
	return nil
}

// awaitEnd waits for the end of the control connection, or for a sign that its client
// lives.
func (x *xfer) awaitEnd(wait time.Duration) {
	if wait <= 0 {
		return
	}
	spoke := make(chan struct{})
	x.mu.Lock()
	x.spoke = spoke
	x.mu.Unlock()
	over := time.NewTimer(wait)
	defer over.Stop()
	select {
	case <-spoke:
	case <-x.verdict:
	case <-x.ctx.Done():
	case <-over.C:
	}
}

// awaitVerdict waits for what the loop says of an end that is there.
func (x *xfer) awaitVerdict(wait time.Duration) {
	over := time.NewTimer(wait)
	defer over.Stop()
	select {
	case <-x.verdict:
	case <-x.ctx.Done():
	case <-over.C:
	}
}

// heard notes that the client has said something during the transfer. It lives, if
// its data has ended by then; and who gives the next command behind the last byte is
// done with this one. A NOOP in between is not the next command: it only keeps the
// connection open.
func (x *xfer) heard(next bool) {
	if x.told.Load() {
		return // it was not during it
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if next {
		x.saidAt = x.moved.Load() + int64(sock.Unread(x.data.conn()))
	}
	if x.spoke != nil {
		close(x.spoke)
		x.spoke = nil
	}
}

// saidMore reports whether the client has given a command behind the last byte of its
// data, or QUIT.
func (x *xfer) saidMore() bool {
	x.mu.Lock()
	behind := x.saidAt > 0 && x.saidAt == x.moved.Load()
	x.mu.Unlock()
	return behind || x.c.quits()
}
