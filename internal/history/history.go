// Package history runs several clients that share a few files, records their results,
// and checks that some order of the acknowledged commands explains all of them (that the
// history is linearizable).
package history

import (
	"fmt"
	"sync"
	"time"
)

// Kind is the kind of an Op.
type Kind uint8

// These are the kinds of operations. A and B are the files of the Op.
const (
	Store     Kind = iota // sets A to Data
	StoreNew              // like Store, only if A does not exist
	Append                // sets A to A + Data, or to Data if A does not exist
	Resume                // sets A to A[:Offset] + Data
	Remove                // removes A
	Rename                // renames A to B, which it replaces
	RenameNew             // like Rename, only if B does not exist
	Copy                  // sets B to A
	CopyNew               // like Copy, only if B does not exist
	Join                  // sets A to A + B and then removes B, unless Result.Left
	Read                  // returns the content of A
	Size                  // returns the size of A
	drop                  // removes A if it exists: the second step of Join
	kinds
)

var kindNames = [kinds]string{"store", "store-new", "append", "resume", "remove", "rename", "rename-new",
	"copy", "copy-new", "join", "read", "size", "drop"}

func (k Kind) String() string { return kindNames[k] }

// Files is the number of files in a history.
const Files = 3

// Op is one command.
type Op struct {
	Kind   Kind
	A, B   int    // two different files, from 0 to Files-1
	Data   string // for uploads; different in each Op of a plan
	Offset int    // for Resume
}

func (o Op) String() string {
	switch o.Kind {
	case Store, StoreNew, Append:
		return fmt.Sprintf("%v %s %q", o.Kind, name(o.A), o.Data)
	case Resume:
		return fmt.Sprintf("%v %s at %d %q", o.Kind, name(o.A), o.Offset, o.Data)
	case Rename, RenameNew, Copy, CopyNew:
		return fmt.Sprintf("%v %s to %s", o.Kind, name(o.A), name(o.B))
	case Join:
		return fmt.Sprintf("%v %s with %s", o.Kind, name(o.A), name(o.B))
	}
	return fmt.Sprintf("%v %s", o.Kind, name(o.A))
}

func name(file int) string { return string(rune('a' + file)) }

// Outcome is the kind of answer that a client got to an Op.
type Outcome uint8

const (
	Done    Outcome = iota // the Op was acknowledged
	Missing                // a file did not exist
	Taken                  // a file existed already
	Beyond                 // the offset is beyond the end
	Refused                // nothing was done, for an unknown reason
	Lost                   // the answer was lost: the Op may have been done
	Odd                    // an answer that is never right; nothing was done
)

// Result is the answer that a client got to an Op.
type Result struct {
	Outcome Outcome
	Content string // for Read
	Size    int64  // for Size
	Left    bool   // for Join: B was not removed
	Ended   bool   // for Lost: if the Op was done, that was before the client noticed the loss
	Err     error  // explains the outcome to people
}

func (r Result) String() string {
	return [...]string{"done", "missing", "taken", "beyond", "refused", "lost", "odd"}[r.Outcome]
}

// Client runs one Op after another.
type Client interface {
	Do(Op) Result
}

// ClientFunc turns a function into a Client.
type ClientFunc func(Op) Result

// Do implements [Client].
func (f ClientFunc) Do(o Op) Result { return f(o) }

// event is an Op with its Result.
type event struct {
	client    int
	op        Op
	result    Result
	call, end int64
}

// second returns the second step of a Join as an event of its own.
func (e event) second() (event, bool) {
	r := e.result
	if e.op.Kind != Join || r.Left || r.Outcome != Done && r.Outcome != Lost {
		return event{}, false
	}
	e.op = Op{Kind: drop, A: e.op.B}
	return e, true
}

// Run runs all clients at once, each with its part of the plan.
func Run(clients []Client, plan [][]Op) *History {
	start := time.Now()
	parts := make([][]event, len(clients))
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			for _, op := range plan[i] {
				e := event{client: i, op: op, call: int64(time.Since(start))}
				e.result = c.Do(op)
				e.end = int64(time.Since(start))
				parts[i] = append(parts[i], e)
				if second, ok := e.second(); ok {
					parts[i] = append(parts[i], second)
				}
			}
		})
	}
	wg.Wait()
	h := &History{}
	for _, part := range parts {
		h.events = append(h.events, part...)
	}
	return h
}
