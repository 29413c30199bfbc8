package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"time"
)

// ErrGone says that a position is not kept any more: records may have been missed.
var ErrGone = errors.New("journal: the position is not kept any more")

// pollEvery is how often the file is looked at for what other processes write.
const pollEvery = time.Second

const chunk = 64 << 10

// Follow yields the records after a position, intents and aborts among them, and
// then waits for more until ctx ends. [Record.Next] is where to go on another time.
// An error is the last that is yielded: [ErrGone] or an error of reading; the end of
// ctx yields none. A record that is not yet durable may be yielded. Any number of
// readers may follow, also a journal that was closed. Where it begins, and where a
// file was rotated meanwhile, a reader waits for the write that runs, beyond ctx if
// need be, and keeps writers waiting for one look.
func (j *Journal) Follow(ctx context.Context, from Position) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		at := from
		for ctx.Err() == nil {
			grew := j.growth()
			page, err := j.readPage(at)
			if err != nil {
				if ctx.Err() == nil {
					yield(Record{}, err)
				}
				return
			}
			for _, r := range page.records {
				if ctx.Err() != nil || !yield(r, nil) {
					return
				}
			}
			at = page.next
			if page.more {
				continue
			}
			select {
			case <-ctx.Done():
			case <-grew:
			case <-time.After(pollEvery):
			}
		}
	}
}

func (j *Journal) growth() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.grew
}

// page is a part of the journal.
type page struct {
	records []Record
	next    Position
	more    bool // there is something after it already
}

// readPage opens the file for each page, so that it may be renamed in between. What
// a look at moving files does not find, or not open, is looked for while they stand
// still.
func (j *Journal) readPage(at Position) (page, error) {
	f, full, err := openSegment(j.log.path, at.Segment)
	if err != nil {
		err = j.still(func() (err error) {
			f, full, at, err = find(j.log.path, at)
			return err
		})
	}
	if err != nil || f == nil {
		return page{next: at}, err
	}
	defer f.Close()
	p, err := readLines(f, at)
	if err != nil {
		return page{}, err
	}
	p.more = p.next != at
	if !p.more && full {
		p.more = true
		p.next = Position{Segment: at.Segment + 1}
	}
	return p, nil
}

// find opens the segment of a position, the oldest one for none. The file is nil when
// it is the next that will be made.
func find(path string, at Position) (f *os.File, full bool, found Position, err error) {
	all, err := segments(path)
	if err != nil {
		return nil, false, at, err
	}
	if at.Segment == 0 {
		at = Position{}
		if at.Segment, err = oldestSegment(path, all); err != nil {
			return nil, false, at, err
		}
	}
	f, full, err = openSegment(path, at.Segment)
	if errors.Is(err, ErrGone) && inActive(all, at) {
		err = absent(path, all, at, err)
	}
	return f, full, at, err
}

// absent says why the file that is written is not that of a position: nil if a crash
// in the middle of a rotation left none and at is the beginning of the next.
func absent(path string, rotated []int64, at Position, other error) error {
	_, err := os.Stat(path)
	switch {
	case err == nil:
		return other
	case len(rotated) > 0 && at.Offset == 0:
		return nil
	}
	return err
}

func oldestSegment(path string, rotated []int64) (int64, error) {
	if len(rotated) > 0 {
		return rotated[0], nil
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, _, err := readHead(f)
	return n, err
}

// openSegment finds a segment by its number; full says that nothing is added to it.
func openSegment(path string, segment int64) (f *os.File, full bool, err error) {
	f, err = os.Open(rotated(path, segment))
	if err == nil {
		return f, true, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	f, err = openActive(path, segment)
	return f, false, err
}

func openActive(path string, segment int64) (*os.File, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, gone(segment)
	}
	if err != nil {
		return nil, err
	}
	n, _, err := readHead(f)
	if err == nil && n != segment {
		err = gone(segment)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func gone(segment int64) error { return fmt.Errorf("%w: segment %d", ErrGone, segment) }

// inActive says that a position is in the file that follows the rotated ones.
func inActive(rotated []int64, at Position) bool {
	return len(rotated) == 0 || at.Segment == rotated[len(rotated)-1]+1
}

// readLines returns the records of the whole lines in a chunk, or of one line that
// is longer.
func readLines(f *os.File, at Position) (page, error) {
	fi, err := f.Stat()
	if err != nil {
		return page{}, err
	}
	if at.Offset > fi.Size() {
		return page{}, fmt.Errorf("%w: %v is beyond the end", ErrGone, at)
	}
	before := min(at.Offset, 1) // the end of the line before
	p := page{next: at}
	for size := int64(chunk); ; size *= 2 {
		b := make([]byte, before+min(size, fi.Size()-at.Offset))
		if _, err := f.ReadAt(b, at.Offset-before); err != nil && err != io.EOF {
			return page{}, err
		}
		if before > 0 && b[0] != '\n' { // that line was taken back, and others are there
			return page{}, fmt.Errorf("%w: %v is inside a line", ErrGone, at)
		}
		for raw := range bytes.Lines(b[before:]) {
			if !bytes.HasSuffix(raw, []byte("\n")) {
				break
			}
			p.next.Offset += int64(len(raw))
			if l, ok := decode(raw); ok && l.Event != begin {
				l.Next = p.next
				p.records = append(p.records, l.Record)
			}
		}
		if p.next != at || size >= fi.Size()-at.Offset {
			return p, nil
		}
	}
}
