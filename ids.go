package paradise

import (
	crand "crypto/rand"
	"encoding/hex"
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
		return errors.New("paradise: FirstIDs is 2^53 or above, where JSON readers round: " +
			"take it from NextIDs, or leave it zero")
	}
	return nil
}

// shortID spreads the low 24 bits of an ID over six hex digits; among 16
// million IDs in a row no two are alike.
func shortID(id uint64) uint32 {
	return uint32(id*0x9E3779+0x41949E) & 0xFFFFFF
}

// uniqueSuffix is for names that nobody else has.
func uniqueSuffix() string {
	var b [6]byte
	crand.Read(b[:])
	return hex.EncodeToString(b[:])
}
