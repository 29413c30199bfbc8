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

// ErrGone says that a position is not kept any more: records were missed.
var ErrGone = errors.New("journal: the position is not kept any more")

// pollEvery is how often the file is looked at for what other processes write.
const pollEvery = time.Second

const chunk = 64 << 10

// Follow yields the records after a position, intents and aborts among them, and
// then waits for more until ctx ends. [Record.Next] is where to go on another time.
// An error is the last that is yielded: [ErrGone], an error of reading, or none when
// ctx has ended. A record that is not yet durable may be yielded. Any number of
// readers may follow. Where a file was rotated meanwhile, a reader waits for the
// write that runs, beyond ctx if need be, and keeps writers waiting for one look.
func (j *Journal) Follow(ctx context.Context, from Position) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		at := from
		for ctx.Err() == nil {
			grew := j.growth()
			page, err := j.readPage(at)
			if err != nil {
				yield(Record{}, err)
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

// readPage opens the file for each page, so that it may be renamed meanwhile. What
// is not found in a look at moving files is looked for while they stand still.
func (j *Journal) readPage(at Position) (page, error) {
	f, full, err := openSegment(j.log.path, at.Segment)
	if errors.Is(err, ErrGone) {
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
	if errors.Is(err, ErrGone) && isNext(all, at) {
		err = nil
	}
	return f, full, at, err
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

// isNext says that a position is the beginning of the file that is about to be made:
// after a crash in the middle of a rotation there is none.
func isNext(rotated []int64, at Position) bool {
	return len(rotated) > 0 && at == (Position{Segment: rotated[len(rotated)-1] + 1})
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
	p := page{next: at}
	for size := int64(chunk); ; size *= 2 {
		b := make([]byte, min(size, fi.Size()-at.Offset))
		if _, err := f.ReadAt(b, at.Offset); err != nil && err != io.EOF {
			return page{}, err
		}
		for raw := range bytes.Lines(b) {
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
