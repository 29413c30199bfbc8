package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/paradiseftp/paradise"
)

// finding is what the storage tells of an upload whose end is not known.
type finding struct {
	there  presence
	detail string // why, where that must be said
}

type presence uint8

const (
	nowhere presence = iota // the file of the upload is not there
	maybe                   // it cannot be told from what was there before
	likely                  // what is there is new and has its size
	proved                  // and its digest
	blind                   // the storage shows nothing
)

// published takes what cannot be told for published: a record too many is better
// than one too few.
func (f finding) published() bool { return f.there != nowhere }

// look compares what a name stands for with what it stood for before the upload,
// and with what was sent.
func look(ctx context.Context, d paradise.FileDriver, s *paradise.Session, r Record) (finding, error) {
	is, err := state(ctx, d, s, r.Name)
	if err != nil {
		return finding{}, err
	}
	was := State{Unknown: true}
	if r.Before != nil {
		was = *r.Before
	}
	switch {
	case is.Unknown || was.Unknown:
		return finding{blind, "the storage cannot tell"}, nil
	case !is.Exists:
		return finding{nowhere, "no such file"}, nil
	}
	f := compareStates(was, is, r.Time)
	switch {
	case f.there == nowhere:
	case r.Size >= 0 && is.Size >= 0 && !fits(r, is.Size):
		return finding{nowhere, fmt.Sprintf("the file has %d bytes", is.Size)}, nil
	case r.SHA256 != "":
		return compareContent(ctx, d, s, r)
	}
	return f, nil
}

// coarse is the coarsest step of the times that storages tell.
const coarse = 2 * time.Second

// compareStates says whether a file was written after an intent of that time.
func compareStates(was, is State, intent time.Time) finding {
	kept := finding{nowhere, "the file is as it was before"}
	switch {
	case !was.Exists, was.Size != is.Size, differ(was.Unique, is.Unique):
		return finding{there: likely}
	case !was.ModTime.IsZero() && !is.ModTime.IsZero() && !was.ModTime.Equal(is.ModTime):
		return finding{there: likely}
	case was.Version != "" && was.Version == is.Version:
		return kept
	case differ(was.Version, is.Version):
		return finding{there: likely}
	case is.ModTime.IsZero() || was.ModTime.IsZero():
		return finding{maybe, "the storage does not tell versions apart"}
	case intent.Sub(is.ModTime) <= coarse:
		return finding{maybe, "the file before was as large and as new"}
	}
	return kept
}

// differ is for what may be unknown.
func differ(a, b string) bool { return a != "" && b != "" && a != b }

// fits allows of an append whatever others have made of the file before: it may have been
// removed or replaced, and is as large as what was sent at least.
func fits(r Record, size int64) bool {
	return size == r.Size || r.Append && size >= r.Size-r.Before.Size
}

func compareContent(ctx context.Context, d paradise.FileDriver, s *paradise.Session, r Record) (finding, error) {
	f, err := d.Open(ctx, s, r.Name, 0)
	if err != nil {
		return finding{maybe, "the file cannot be read"}, ctx.Err()
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(patient{ctx, f}, r.Size+1)); err != nil {
		return finding{}, err
	}
	if hex.EncodeToString(sum.Sum(nil)) != r.SHA256 {
		return finding{nowhere, "the file has other content"}, nil
	}
	return finding{there: proved}, nil
}

// patient reads until ctx ends, however large the file is.
type patient struct {
	ctx context.Context
	r   io.Reader
}

func (p patient) Read(b []byte) (int, error) {
	if p.ctx.Err() != nil {
		return 0, context.Cause(p.ctx)
	}
	return p.r.Read(b)
}
