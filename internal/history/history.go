// Package history runs clients of a few shared files at once, notes what each was
// told, and checks that one order of the acknowledged commands explains all of it
// (that the history is linearizable).
package history

import (
	"fmt"
	"sync"
	"time"
)

// Kind is what an Op does.
type Kind uint8

// The kinds of operations. A is the file that an Op is about, B its second one.
const (
	Store     Kind = iota // A becomes Data
	StoreNew              // likewise, if A is not there
	Append                // A becomes A + Data, or Data
	Resume                // A becomes A[:Offset] + Data
	Remove                // A goes
	Rename                // A's content goes to B, whatever is there
	RenameNew             // likewise, if B is not there
	Copy                  // B becomes A
	CopyNew               // likewise, if B is not there
	Join                  // A becomes A + B, and then B goes, unless Result.Left
	Read                  // tells A's content
	Size                  // tells A's size
	drop                  // A goes if it is there: the second step of Join
	kinds
)

var kindNames = [kinds]string{"store", "store-new", "append", "resume", "remove", "rename", "rename-new",
	"copy", "copy-new", "join", "read", "size", "drop"}

func (k Kind) String() string { return kindNames[k] }

// Files is how many files a history is about.
const Files = 3

// Op is one command.
type Op struct {
	Kind   Kind
	A, B   int    // files, below Files
	Data   string // of uploads; no two of a plan are alike
	Offset int    // of Resume
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

// Outcome is what a client was told of an Op.
type Outcome uint8

const (
	Done    Outcome = iota // it was acknowledged
	Missing                // a file was not there
	Taken                  // a file was there
	Beyond                 // the offset is beyond the end
	Refused                // nothing was done, and no more was said
	Lost                   // the answer was lost: it may have been done
	Odd                    // an answer that should not be; nothing was done
)

// Result is what a client was told.
type Result struct {
	Outcome Outcome
	Content string // of Read
	Size    int64  // of Size
	Left    bool   // of Join: B was left
	Ended   bool   // of Lost: if it was done, then before the client learned of that
	Err     error  // for people
}

func (r Result) String() string {
	return [...]string{"done", "missing", "taken", "beyond", "refused", "lost", "odd"}[r.Outcome]
}

// Client runs one Op after another.
type Client interface {
	Do(Op) Result
}

// ClientFunc is a Client of one function.
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

// second is the other half of a Join, which is two steps.
func (e event) second() (event, bool) {
	r := e.result
	if e.op.Kind != Join || r.Left || r.Outcome != Done && r.Outcome != Lost {
		return event{}, false
	}
	e.op = Op{Kind: drop, A: e.op.B}
	return e, true
}

// Run lets each client do its part of a plan, all at once.
func Run(clients []Client, plan [][]Op) *History {
	begin := time.Now()
	parts := make([][]event, len(clients))
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			for _, op := range plan[i] {
				e := event{client: i, op: op, call: int64(time.Since(begin))}
				e.result = c.Do(op)
				e.end = int64(time.Since(begin))
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
