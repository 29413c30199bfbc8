package quota

import (
	"context"
	"errors"
	"time"
)

// ErrUncounted is what a Store says of an account whose files nobody has counted.
var ErrUncounted = errors.New("quota: the files of the account are not counted yet")

// Store keeps what accounts use and what changes that are under way have reserved,
// for one server or for several that share it. Each method is one atomic step: of
// many that come at once, from wherever, each sees what those before it did. It is
// called from many goroutines and should give up by itself what takes long. Package
// quotatest examines implementations.
//
// A key is any string, what [Options].Key returns: it may have line breaks in it. An
// error that no method names says that the Store does not answer. Uploads are refused
// then, and what ended is told later; whether the Store did what it was asked may be
// unknown, so each method can be called again with the same arguments.
//
// A change has a [Lease] from its beginning to its end: an upload from Store to
// Commit or Abort. A server that lives renews its leases; those of one that died
// end by themselves.
type Store interface {
	// Account returns what is known of an account; of one that it never heard of,
	// the zero Account. What has expired is not in it.
	Account(ctx context.Context, key string) (Account, error)

	// Reserve makes l what its ID has from now on, in place of what it had, and
	// returns the account afterwards; or it changes nothing, and returns the first of
	//
	//   - [paradise.ErrBusy] where l has names and another lease has one of them or
	//     Alone, and where l has Alone and another lease has any name or Alone; one
	//     with neither is never refused so,
	//   - ErrUncounted where l.Hold is not zero and the account is not counted,
	//   - [paradise.ErrQuota] where l.Hold is more than the ID had, in bytes or in
	//     files, and more than limits leaves besides what is used and what others hold.
	//
	// A lease that has expired is none, and is made anew. One that has ended does not
	// come back: that is an error too, of no particular kind.
	Reserve(ctx context.Context, key string, l Lease, limits Limits) (Account, error)

	// Settle ends the lease of l.ID, whether it is there or has expired, and adds
	// what the change came to, which may be negative. Where an answer is lost it is
	// called again, so for as long as l.TTL a Store remembers an ID that has ended
	// and adds nothing twice. What is added to an account that is not counted changes
	// its Version only.
	Settle(ctx context.Context, key string, l Lease, change Usage) error

	// Count makes u an account's usage: what a count found that began when the
	// account had that version, under the lease of that ID if it is not empty. It
	// reports false without an error, and does nothing, where the version is another
	// one now or another lease has names or Alone: what such a change does may be in u
	// or not. Leases stay as they are.
	Count(ctx context.Context, key string, u Usage, version uint64, lease string) (bool, error)
}

// Account is what a Store knows of an account.
type Account struct {
	Used    Usage // what its files come to; without meaning unless Counted
	Held    Usage // the sum of what all leases hold, beyond Used
	Counted bool  // whether a Count ever set Used

	// Version grows with each Count that is taken, with each Settle that adds
	// something, and with each whose lease has names or Alone: a file that moves adds
	// nothing, and yet a count that runs may miss it or see it twice.
	Version uint64
}

// Lease is what one change has reserved.
type Lease struct {
	ID    string        // of the change: no two, on whatever server, have the same
	Hold  Usage         // what it may add at most; never negative
	Names []string      // of what it is about to change, or is changing now: any strings, in any order
	Alone bool          // it is about to change what many names mean: a folder moves, all is counted
	TTL   time.Duration // how long it lives from now on, on the Store's clock; more than zero
}

func (l Lease) changes() bool { return l.Alone || len(l.Names) > 0 }
