package paradise

import (
	"cmp"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/paradiseftp/paradise/internal/texts"
)

// listOrder are the options that ask for an order; without them entries come as
// the storage has them.
const listOrder = listReverse | listBySize | listByTime

// Bounds of what is put in order. A longer listing comes as the storage has it:
// memory must not depend on its length.
const (
	sortedMost = 10_000
	sortedRoom = 832 << 10 // bytes, less what LIST -R may hold
)

// inOrder is l, which lists a folder, as t (newest first), S (largest first) and r ask
// for it. Where it is too long the folder is listed anew: what was gathered, and what
// the storage itself may hold of the first listing, is not kept beside the second.
func (j *listJob) inOrder(folder string, l Listing) Listing {
	return func(yield func(Entry, error) bool) {
		held, err := j.gather(l)
		if held == nil && err == nil {
			if l, err = j.files.List(j.x.ctx, j.s, folder); err == nil {
				l(yield)
				return
			}
		}
		if err != nil {
			yield(Entry{}, err)
			return
		}
		slices.SortFunc(held.rows, j.order.compare)
		held.all(yield)
	}
}

// gather is nil, and no error, where there is too much.
func (j *listJob) gather(l Listing) (*rows, error) {
	held := &rows{room: sortedRoom - j.below.room()}
	for e, err := range l {
		if err != nil {
			return nil, err
		}
		if j.shows(&e) && !held.add(&e) {
			return nil, nil
		}
	}
	return held, nil
}

// compare orders as ls does: by name where nothing else tells two apart.
func (f listFlags) compare(a, b row) int {
	by := 0
	switch {
	case f&listByTime != 0:
		by = cmp.Or(cmp.Compare(b.sec, a.sec), cmp.Compare(b.nsec, a.nsec))
	case f&listBySize != 0:
		by = cmp.Compare(b.size, a.size)
	}
	by = cmp.Or(by, strings.Compare(a.name(), b.name()))
	if f&listReverse != 0 {
		return -by
	}
	return by
}

// rows holds entries in little memory: what LIST shows of them, and no more.
type rows struct {
	rows   []row
	text   texts.Texts
	words  []string // owners and groups
	number map[string]uint16
	room   int // bytes that are free
}

type row struct {
	text         string // name and target
	sec          int64
	size         int64
	nsec         int32
	mode         fs.FileMode
	target       uint16 // length
	owner, group uint16 // in words
}

const (
	rowSize  = 48
	wordSize = 96      // of a word, beside its bytes
	rowsStep = 1 << 10 // by so many rows they grow
)

// add reports whether there was room for e.
func (r *rows) add(e *Entry) bool {
	if len(r.rows) == sortedMost || len(e.Target) > math.MaxUint16 {
		return false
	}
	if len(r.rows) == cap(r.rows) {
		grown := make([]row, len(r.rows), len(r.rows)+rowsStep)
		copy(grown, r.rows)
		r.rows, r.room = grown, r.room-rowsStep*rowSize
	}
	owner, group := r.word(e.Owner), r.word(e.Group)
	r.room -= len(e.Name) + len(e.Target)
	if r.room < 0 {
		return false
	}
	r.rows = append(r.rows, row{r.text.Join(e.Name, e.Target), e.ModTime.Unix(), e.Size,
		int32(e.ModTime.Nanosecond()), e.Mode, uint16(len(e.Target)), owner, group})
	return true
}

// word is the number of an owner or group, of which a folder has few.
func (r *rows) word(s string) uint16 {
	i, known := r.number[s]
	if !known {
		if r.number == nil {
			r.number = make(map[string]uint16)
		}
		i, s = uint16(len(r.words)), strings.Clone(s)
		r.words, r.number[s] = append(r.words, s), i
		r.room -= len(s) + wordSize
	}
	return i
}

func (r *rows) all(yield func(Entry, error) bool) {
	for i := range r.rows {
		if !yield(r.entry(&r.rows[i]), nil) {
			return
		}
	}
}

func (r *rows) entry(w *row) Entry {
	return Entry{Name: w.name(), Size: w.size, Mode: w.mode, ModTime: time.Unix(w.sec, int64(w.nsec)),
		Owner: r.words[w.owner], Group: r.words[w.group], Target: w.text[len(w.name()):]}
}

func (w *row) name() string { return w.text[:len(w.text)-int(w.target)] }
