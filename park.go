package paradise

import "time"

// sleeper is a session as the parker sees it.
type sleeper interface {
	// idleUntil is the end of its patience, which does not change while it sleeps.
	idleUntil() time.Time
	// berth is where the parker keeps its notes.
	berth() *berth
	// wakeUp takes the session's lock and, if it still sleeps, has it unparked.
	wakeUp()
	// resume goes on where the session went to sleep. Its lock is held.
	resume()
}

// berth is what the parker notes of a session.
type berth struct {
	place  int32     // in the heap; guarded by the parker's mu
	polled pollState // guarded by the session's lock
}

// pollState says whether the parker's set knows a session's socket.
type pollState uint8

const (
	pollNever   pollState = iota
	pollKnown             // it does
	pollRefused           // it would not have it
)
