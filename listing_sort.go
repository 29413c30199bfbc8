package paradise

import (
	"cmp"
	"slices"
	"strings"
)

// listOrder are the options that ask for an order; without them entries come as
// the storage has them.
const listOrder = listReverse | listBySize | listByTime

// sortedMost is how many entries are put in order. A longer listing comes as the
// storage has it: memory must not depend on its length.
const sortedMost = 10_000

// inOrder is l as t (newest first), S (largest first) and r ask for it.
func (j *listJob) inOrder(l Listing) Listing {
	return func(yield func(Entry, error) bool) {
		var all []Entry
		for e, err := range l {
			if err == nil {
				err = j.x.ctx.Err()
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if len(all) > sortedMost {
				if !yield(e, nil) {
					return
				}
				continue
			}
			if j.pattern != nil && !j.pattern.Match(e.Name) {
				continue
			}
			all = append(all, e)
			if len(all)%64 == 0 {
				j.x.guard()
			}
			if len(all) > sortedMost && !yieldAll(all, yield) {
				return
			}
		}
		if len(all) <= sortedMost {
			slices.SortFunc(all, j.order.compare)
			yieldAll(all, yield)
		}
	}
}

func yieldAll(all []Entry, yield func(Entry, error) bool) bool {
	for _, e := range all {
		if !yield(e, nil) {
			return false
		}
	}
	return true
}

// compare orders as ls does: by name where nothing else tells two apart.
func (f listFlags) compare(a, b Entry) int {
	by := 0
	switch {
	case f&listByTime != 0:
		by = b.ModTime.Compare(a.ModTime)
	case f&listBySize != 0:
		by = cmp.Compare(b.Size, a.Size)
	}
	by = cmp.Or(by, strings.Compare(a.Name, b.Name))
	if f&listReverse != 0 {
		return -by
	}
	return by
}
