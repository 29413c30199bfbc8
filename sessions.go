package paradise

import (
	"errors"
	"math/rand/v2"
)

// IDs are the numbers that a server gives to its next session and to its next
// passive channel; each one after it has the next number.
type IDs struct {
	Session uint64 `json:"session"`
	Channel uint64 `json:"channel"`
}

const (
	// randomIDs is where a server begins that was given no IDs: two servers, on
	// whatever machines, hardly ever have a number in common.
	randomIDs = 1 << 48
	// maxIDs keeps IDs exact in programs whose numbers are floats (RFC 8259, 6).
	maxIDs = 1 << 53

	// What a server may still give away once it has named its successor's first
	// IDs: 1000 sessions a second for the minute that a restart may take, and the
	// channels of all that a grace leaves to it.
	sessionsReserved = 1 << 16
	channelsReserved = 1 << 20
)

// NextIDs returns where the IDs of a server may begin that takes this one's place
// while this one still has sessions: its [Server].FirstIDs. This server stays
// below them for its next 65,536 sessions and million passive channels. Before
// Serve they are FirstIDs, or zero.
func (srv *Server) NextIDs() IDs {
	st := &srv.state
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.nextID == 0 {
		return srv.FirstIDs
	}
	return IDs{Session: st.nextID + sessionsReserved, Channel: st.counters.nextChannel.Load() + channelsReserved}
}

// orRandom replaces numbers that were not given.
func (i IDs) orRandom() IDs {
	if i.Session == 0 {
		i.Session = 1 + rand.Uint64N(randomIDs)
	}
	if i.Channel == 0 {
		i.Channel = 1 + rand.Uint64N(randomIDs)
	}
	return i
}

func (i IDs) check() error {
	if max(i.Session, i.Channel) >= maxIDs {
		return errors.New("paradise: FirstIDs is 2^53 or above, where JSON readers round: take it from NextIDs, or leave it zero")
	}
	return nil
}

// shortID spreads the low 24 bits of an ID over six hex digits; among 16
// million IDs in a row no two are alike.
func shortID(id uint64) uint32 {
	return uint32(id*0x9E3779+0x41949E) & 0xFFFFFF
}

// add registers c under an ID of its own; false once sessions are sent away.
func (srv *Server) add(c *conn) bool {
	st := &srv.state
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.leaving || st.closed {
		return false
	}
	if st.conns == nil {
		st.conns = make(map[uint64]*conn)
	}
	c.setID(st.nextID)
	st.conns[st.nextID] = c
	st.nextID++
	st.counters.sessions.Add(1)
	st.awake.Add(1)
	return true
}

// remove is called exactly once for each session that was added.
func (srv *Server) remove(c *conn) {
	srv.state.limits.giveFDs(1)
	st := &srv.state
	st.mu.Lock()
	defer st.mu.Unlock()
	delete(st.conns, c.facts().ID)
	st.settleLocked()
}

// find is nil if no session has this ID.
func (srv *Server) find(id uint64) *conn {
	st := &srv.state
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.conns[id]
}

// connections copies the set of sessions.
func (srv *Server) connections() []*conn {
	st := &srv.state
	st.mu.Lock()
	defer st.mu.Unlock()
	all := make([]*conn, 0, len(st.conns))
	for _, c := range st.conns {
		all = append(all, c)
	}
	return all
}
