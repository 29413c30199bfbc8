package osfs

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/paradiseftp/paradise/internal/texts"
)

// Up to sortedMost names are put in order, sortedRoom bytes of them at once.
const (
	sortedMost = 10_000
	sortedRoom = 576 << 10
	nameSize   = 16 // of a name, beside its bytes
)

var errTooMany = errors.New("osfs: more names than are put in order")

// inOrder yields the names that are not hidden in the order of their bytes, or as the disk has them
// where they are too many. A folder whose names take more room than there is, is
// read again for each part of them.
func (r *dirReader) inOrder(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		p := &part{}
		err := p.read(r.names(ctx))
		if err == errTooMany {
			r.again(ctx, yield)
			return
		}
		for err == nil {
			all := sortedly(p.names, func(name string) bool {
				err = ctx.Err()
				return err == nil && yield(name, nil)
			})
			switch {
			case err != nil:
			case !all || p.end == "":
				return
			default:
				p, err = r.next(ctx, p)
			}
		}
		yield("", err)
	}
}

// again yields the names as the disk has them, from the first on.
func (r *dirReader) again(ctx context.Context, yield func(string, error) bool) {
	if err := r.rewind(); err != nil {
		yield("", err)
		return
	}
	for name, err := range r.names(ctx) {
		if (err != nil || !hidden(name)) && !yield(name, err) {
			return
		}
	}
}

// next is the part that follows p.
func (r *dirReader) next(ctx context.Context, p *part) (*part, error) {
	p = &part{after: p.names[len(p.names)-1]} // sorted by now
	if err := r.rewind(); err != nil {
		return p, err
	}
	return p, p.read(r.names(ctx))
}

// part is names of a folder that follow one another.
type part struct {
	after string // names up to this one have been told
	end   string // this name and those above are for the next part; empty: there are none
	names []string
	size  int
	text  texts.Texts
}

func (p *part) read(names iter.Seq2[string, error]) error {
	count := 0
	for name, err := range names {
		if err != nil {
			return err
		}
		if hidden(name) {
			continue
		}
		if count++; count > sortedMost && p.after == "" {
			return errTooMany
		}
		if name > p.after && (p.end == "" || name < p.end) {
			p.add(name)
		}
	}
	return nil
}

// sortedly sorts names and passes them on meanwhile: the first are out when few of
// the others have been compared. It is false if yield was.
func sortedly(names []string, yield func(string) bool) bool {
	const few = 256
	for len(names) > few {
		least := partition(names)
		if !sortedly(names[:least], yield) {
			return false
		}
		names = names[least:]
	}
	slices.Sort(names)
	for _, name := range names {
		if !yield(name) {
			return false
		}
	}
	return true
}

// partition has the least n of at least two names come first, 0 < n < len(names).
// The pivot is left to chance, so that no folder can be made to take long.
func partition(names []string) int {
	at := rand.IntN(len(names))
	names[0], names[at] = names[at], names[0]
	pivot := names[0]
	for i, j := 0, len(names)-1; ; i, j = i+1, j-1 {
		for names[i] < pivot {
			i++
		}
		for names[j] > pivot {
			j--
		}
		if i >= j {
			return j + 1
		}
		names[i], names[j] = names[j], names[i]
	}
}

func (p *part) add(name string) {
	if p.after != "" || p.end != "" {
		name = p.text.Join(name, "") // the others of its block are not kept
	}
	p.names = append(p.names, name)
	if p.size += len(name) + nameSize; p.size > sortedRoom {
		p.cut()
	}
}

// cut leaves the upper half to the next part.
func (p *part) cut() {
	slices.Sort(p.names)
	lower := p.names[:len(p.names)/2]
	p.end = strings.Clone(p.names[len(lower)])
	p.names, p.text, p.size = make([]string, 0, len(p.names)), texts.Texts{}, 0
	for _, name := range lower {
		p.names = append(p.names, p.text.Join(name, ""))
		p.size += len(name) + nameSize
	}
}
