package paradise

import (
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"github.com/paradiseftp/paradise/internal/glob"
)

// listJob sends one listing.
type listJob struct {
	*transfer
	kind    listKind
	prefix  string // of NLST's names
	pattern *glob.Pattern
	single  bool // the entry itself, not what is in it
	order   listFlags
	facts   factSet
	allowed Perm
	encode  func([]byte) []byte
	noMatch error // for a pattern that matches nothing; nil: an empty listing
	below   *tree // of R; nil without
}

type listKind uint8

const (
	kindList listKind = iota
	kindNames
	kindFacts
)

// recurse has the job list what is below too: as paths, or as ls -lR does, where
// names stand below the header of their folder.
func (j *listJob) recurse(paths bool, base string) {
	if paths {
		base = j.prefix
	} else {
		j.prefix = ""
	}
	j.below = &tree{root: j.name, base: base, paths: paths}
}

// run is a listing from the driver's first call to its final reply. LIST, NLST
// and MLSD are text whatever TYPE says: their line ends are CRLF already.
func (j *listJob) run(x *xfer) reply {
	j.x = x
	j.files = x.watched(j.files)
	j.ascii = false
	entries, err := j.entries()
	if err != nil {
		return j.refused(err)
	}
	j.preliminary("Opening ASCII mode data connection for file list")
	if err := j.connect(); err != nil {
		for range entries {
			break // what the listing holds is freed when its range ends
		}
		return j.connectReply(err)
	}
	x.result.begun = true
	j.begun()
	if err := j.send(entries); err != nil {
		return replyFor(x.reason(err), 451)
	}
	if err := j.finish(); err != nil {
		return replyFor(j.broken(err), 426)
	}
	return say(226, "Closing data connection, sent "+itoa(x.moved.Load())+" bytes"+j.below.leftOut())
}

// refused answers MLSD of a file with 501 (RFC 3659, 7.2.1).
func (j *listJob) refused(err error) reply {
	if j.kind == kindFacts && errors.Is(err, ErrNotDir) {
		return reply{code: 501, text: "Not a directory", err: err}
	}
	return replyFor(j.x.reason(err), 550)
}

// entries asks the driver. LIST and NLST of a file list the file itself.
func (j *listJob) entries() (Listing, error) {
	if j.single {
		return j.itself()
	}
	l, err := j.folder(j.name)
	if errors.Is(err, ErrNotDir) && j.kind != kindFacts && j.pattern == nil {
		return j.itself()
	}
	return l, err
}

// folder is what is in a folder, in the order that was asked for.
func (j *listJob) folder(name string) (Listing, error) {
	l, err := j.files.List(j.x.ctx, j.s, name)
	switch {
	case errors.Is(err, errUnsupported):
		return Entries(nil), nil
	case err == nil && j.order != 0:
		return j.inOrder(name, l), nil
	}
	return l, err
}

// itself is the entry of the name alone, shown as the client wrote it.
func (j *listJob) itself() (Listing, error) {
	e, err := j.files.Stat(j.x.ctx, j.s, j.name)
	if err != nil {
		return nil, err
	}
	e.Name = path.Base(j.name)
	j.below = nil
	j.prefix = strings.TrimSuffix(j.prefix, "/")
	if k := strings.LastIndexByte(j.prefix, '/'); k >= 0 {
		j.prefix = j.prefix[:k+1]
	} else {
		j.prefix = ""
	}
	return Entries([]Entry{e}), nil
}

// Listings are sent in pieces that grow to this size, or as old as this: a
// client sees the first entries of a slow storage at once. The buffer has room
// for a piece and its last line.
const (
	firstPiece = 1 << 10
	listPiece  = 28 << 10
	listAge    = 50 * time.Millisecond
)

// page is what has not been sent yet of a listing.
type page struct {
	j     *listJob
	sink  io.WriteCloser
	b     []byte
	now   time.Time // of the listing
	sent  time.Time
	piece int // how much is sent at once
	shown int // entries
	look  int // at the clock when so many are shown
	skip  int // how many were not looked at last
}

// send streams the entries; memory does not depend on their number.
func (j *listJob) send(entries Listing) error {
	buf := getBuffer(1)
	defer putBuffer(1, buf)
	now := time.Now()
	p := &page{j: j, sink: j.sink(), b: (*buf)[:0], now: now, sent: now, piece: firstPiece}
	if err := j.sendAll(p, entries); err != nil {
		return j.x.reason(err)
	}
	if p.shown == 0 && j.pattern != nil && j.noMatch != nil {
		return j.noMatch
	}
	if err := p.flush(); err != nil {
		return err
	}
	return j.ended(p.sink.Close())
}

func (j *listJob) sendAll(p *page, entries Listing) error {
	if j.below != nil {
		return j.sendTree(p, entries)
	}
	return p.add(entries)
}

// add takes entries in, and sends what has come together.
func (p *page) add(entries Listing) error {
	for e, err := range entries {
		if err != nil {
			return err
		}
		before := len(p.b)
		p.b = p.j.appendEntry(p.b, &e, p.now)
		if len(p.b) == before {
			continue
		}
		p.shown++
		p.j.below.note(&e)
		if len(p.b) < p.piece && !p.old() {
			continue
		}
		if err := p.flush(); err != nil {
			return err
		}
	}
	if len(p.b) < p.piece { // of folders without entries too, many make a piece
		return nil
	}
	return p.flush()
}

// old reports whether what waits has waited for long. The faster entries come, the
// more seldom it looks at the clock.
func (p *page) old() bool {
	if p.shown < p.look {
		return false
	}
	is := time.Since(p.sent) >= listAge
	if p.skip = min(2*p.skip+1, 63); is {
		p.skip = 0
	}
	p.look = p.shown + p.skip + 1
	return is
}

// flush waits for the client, which is no fault of the driver.
func (p *page) flush() error {
	p.j.x.unguard()
	b := p.b
	if p.j.encode != nil {
		b = p.j.encode(b)
	}
	_, err := p.sink.Write(b)
	p.b, p.sent, p.piece = p.b[:0], time.Now(), min(4*p.piece, listPiece)
	return p.j.ended(err)
}

// shows reports whether the pattern, if there is one, chooses e.
func (j *listJob) shows(e *Entry) bool { return j.pattern == nil || j.pattern.Match(e.Name) }

func (j *listJob) appendEntry(b []byte, e *Entry, now time.Time) []byte {
	if !j.shows(e) {
		return b
	}
	switch j.kind {
	case kindNames:
		return appendName(b, j.prefix, e.Name)
	case kindFacts:
		return appendMLSx(b, *e, factKindEntry, j.facts, j.allowed)
	default:
		return appendListLine(b, *e, now, j.s.Policy.Zone)
	}
}
