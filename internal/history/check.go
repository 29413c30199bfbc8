package history

import (
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// History is a record of the operations of several clients, with their times and results.
type History struct {
	events []event
}

// Len returns the number of events in h. A Join counts as two, if both its steps took
// place.
func (h *History) Len() int { return len(h.events) }

// Add adds an operation that came after all others, such as reading a file at the end.
func (h *History) Add(op Op, r Result) {
	var last int64
	for _, e := range h.events {
		last = max(last, e.end)
	}
	h.events = append(h.events, event{client: -1, op: op, result: r, call: last + 1, end: last + 2})
}

// Odd describes the first operation with the outcome Odd, or returns "".
func (h *History) Odd() string {
	for _, e := range h.events {
		if e.result.Outcome == Odd {
			return fmt.Sprintf("%v: %v", e.op, e.result.Err)
		}
	}
	return ""
}

// Unclear counts the operations that were refused or whose answer was lost.
func (h *History) Unclear() int {
	n := 0
	for _, e := range h.events {
		if e.result.Outcome == Refused || e.result.Outcome == Lost {
			n++
		}
	}
	return n
}

// file is the state of a file, as a client sees it.
type file struct {
	there   bool
	content string
}

// folder is the state of all files. It can be compared with ==.
type folder [Files]file

func (f folder) String() string {
	var b strings.Builder
	for i, v := range f {
		if v.there {
			fmt.Fprintf(&b, " %s=%q", name(i), v.content)
		}
	}
	return "{" + strings.TrimSpace(b.String()) + "}"
}

func (f folder) hash() uint64 {
	h := fnv.New64a()
	for _, v := range f {
		if v.there {
			io.WriteString(h, v.content)
		}
		h.Write([]byte{0})
	}
	return h.Sum64()
}

// step returns the result of an operation if nothing else runs, and the folder after it.
func (f folder) step(o Op) (folder, Result) {
	a, b := f[o.A], f[o.B]
	switch o.Kind {
	case StoreNew:
		if a.there {
			return f, Result{Outcome: Taken}
		}
	case Resume:
		if o.Offset > len(a.content) {
			return f, Result{Outcome: Beyond}
		}
	case RenameNew, CopyNew:
		if a.there && b.there {
			return f, Result{Outcome: Taken}
		}
	}
	switch o.Kind {
	case Store, StoreNew:
		f[o.A] = file{true, o.Data}
		return f, Result{}
	case Append:
		f[o.A] = file{true, a.content + o.Data}
		return f, Result{}
	case Resume:
		f[o.A] = file{true, a.content[:o.Offset] + o.Data}
		return f, Result{}
	case Join:
		if !b.there {
			return f, Result{Outcome: Missing}
		}
		f[o.A] = file{true, a.content + b.content}
		return f, Result{}
	case drop: // another client may have removed the file first
		f[o.A] = file{}
		return f, Result{}
	}
	if !a.there {
		return f, Result{Outcome: Missing}
	}
	switch o.Kind {
	case Remove:
		f[o.A] = file{}
	case Rename, RenameNew:
		f[o.A], f[o.B] = file{}, a
	case Copy, CopyNew:
		f[o.B] = a
	}
	return f, Result{Content: a.content, Size: int64(len(a.content))}
}

// after returns every folder that may exist after an operation with this result.
func (f folder) after(o Op, r Result) []any {
	next, want := f.step(o)
	switch r.Outcome {
	case Refused, Odd:
		return []any{f}
	case Lost:
		return []any{f, next}
	case want.Outcome:
	case Taken: // if the first file is missing too, Taken and Missing are both right
		if o.Kind != RenameNew && o.Kind != CopyNew || !f[o.B].there {
			return nil
		}
		return []any{f}
	default:
		return nil
	}
	if r.Outcome == Done && (o.Kind == Read && r.Content != want.Content || o.Kind == Size && r.Size != want.Size) {
		return nil
	}
	return []any{next}
}

// model returns the porcupine model, which starts with an empty folder.
func model() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{folder{}} },
		Step: func(state, in, out any) []any { return state.(folder).after(in.(Op), out.(Result)) },
		Hash: func(state any) uint64 { return state.(folder).hash() },
	}
	return m.ToModel()
}

// Verdict is the result of Check.
type Verdict uint8

const (
	Ordered   Verdict = iota // there is an order that explains all results
	Broken                   // no order explains them
	Undecided                // there was not enough time
)

// Check looks for an order that explains all results, for at most twice the given time. It
// first supposes that the lost uploads whose data somebody read were done, and the others
// not. That is one of very many cases, and nearly always the right one.
func (h *History) Check(within time.Duration) Verdict {
	telling := slices.DeleteFunc(slices.Clone(h.events), func(e event) bool { return e.result.Outcome == Refused })
	if porcupine.CheckOperationsTimeout(model(), operations(supposed(telling)), within) == porcupine.Ok {
		return Ordered
	}
	switch porcupine.CheckOperationsTimeout(model(), operations(telling), within) {
	case porcupine.Ok:
		return Ordered
	case porcupine.Illegal:
		return Broken
	}
	return Undecided
}

// supposed is events without uncertainty about uploads.
func supposed(events []event) []event {
	var read strings.Builder
	for _, e := range events {
		read.WriteString(e.result.Content)
	}
	var sure []event
	for _, e := range events {
		if e.result.Outcome == Lost && e.op.Data != "" && e.op.Kind <= Resume {
			if !strings.Contains(read.String(), e.op.Data) {
				continue
			}
			if !e.result.Ended {
				e.end = math.MaxInt64
			}
			e.result = Result{Outcome: Done}
		}
		sure = append(sure, e)
	}
	return sure
}

func operations(events []event) []porcupine.Operation {
	ops := make([]porcupine.Operation, len(events))
	for i, e := range events {
		r := e.result
		r.Err = nil
		ops[i] = porcupine.Operation{ClientId: max(e.client, 0), Input: e.op, Output: r, Call: e.call, Return: e.end}
		if r.Outcome == Lost && !r.Ended {
			ops[i].Return = math.MaxInt64
		}
	}
	return ops
}

// Explain describes the shortest start of a broken history that is broken itself: the
// longest order that explains a part of it, the folder after that part, and the
// operations that do not fit.
func (h *History) Explain() string {
	short := h.shortest()
	_, info := porcupine.CheckOperationsVerbose(model(), operations(short), time.Minute)
	var longest []int
	for _, order := range info.PartialLinearizations()[0] {
		if len(order) > len(longest) {
			longest = order
		}
	}
	var b strings.Builder
	states := []any{folder{}}
	for _, i := range longest {
		e := short[i]
		var next []any
		for _, s := range states {
			next = append(next, s.(folder).after(e.op, e.result)...)
		}
		states = unique(next)
		line(&b, e)
	}
	fmt.Fprintf(&b, "leaves %v, and no order has these too:\n", states)
	for i, e := range short {
		if !slices.Contains(longest, i) {
			line(&b, e)
		}
	}
	return b.String()
}

func unique(states []any) []any {
	var kept []any
	for _, s := range states {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

func line(b *strings.Builder, e event) {
	r := e.result
	fmt.Fprintf(b, "%9.3f to %9.3f ms  client %d  %v: %v", float64(e.call)/1e6, float64(e.end)/1e6, e.client, e.op, r)
	switch {
	case r.Outcome == Done && e.op.Kind == Read:
		fmt.Fprintf(b, " %q", r.Content)
	case r.Outcome == Done && e.op.Kind == Size:
		fmt.Fprintf(b, " %d", r.Size)
	case r.Err != nil:
		fmt.Fprintf(b, " (%v)", r.Err)
	}
	b.WriteByte('\n')
}

// shortest drops the operations after the first answer that fits into no order. The
// outcome of operations that were running at that moment counts as lost.
func (h *History) shortest() []event {
	ends := make([]int64, len(h.events))
	for i, e := range h.events {
		ends[i] = e.end
	}
	slices.Sort(ends)
	i := sort.Search(len(ends), func(i int) bool {
		return (&History{until(h.events, ends[i])}).Check(10*time.Second) == Broken
	})
	return until(h.events, ends[min(i, len(ends)-1)])
}

func until(events []event, end int64) []event {
	var kept []event
	for _, e := range events {
		if e.call > end {
			continue
		}
		if e.end > end {
			e.end, e.result = math.MaxInt64, Result{Outcome: Lost}
		}
		kept = append(kept, e)
	}
	return kept
}
