package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Event says what a [Record] tells.
type Event string

const (
	Intent     Event = "intent"     // everything has come; the storage is about to publish it
	Done       Event = "done"       // published, before the client gets its 226
	Abort      Event = "abort"      // an intent that came to nothing
	Reconciled Event = "reconciled" // an intent without a known end, and the file is there
	Lost       Event = "lost"       // an intent without a known end, and the file is not there
)

// Committed reports whether e tells of a file that was published.
func (e Event) Committed() bool { return e == Done || e == Reconciled }

// Record is a line of the journal. All records of an upload have the same ID, and
// each has all that is known of it, so that a reader need not remember.
type Record struct {
	ID      string    `json:"id"`
	Time    time.Time `json:"time"`
	Event   Event     `json:"event"`
	Session uint64    `json:"session"`
	User    string    `json:"user"`
	Host    string    `json:"host,omitempty"`   // virtual host
	Remote  string    `json:"remote,omitempty"` // the client's address and port

	// Name is the virtual path. RawName is set as well where it is not valid
	// UTF-8, which JSON cannot hold.
	Name    string `json:"name"`
	RawName []byte `json:"name_raw,omitempty"`

	Size        int64  `json:"size"`             // of the whole file, in bytes; -1 if unknown
	SHA256      string `json:"sha256,omitempty"` // in hex; with Options.Digest, and not of resumed and appended files
	ContentType string `json:"content_type,omitempty"`
	Offset      int64  `json:"offset,omitempty"` // the upload began there (REST)
	Append      bool   `json:"append,omitempty"`

	Before *State `json:"before,omitempty"` // in intents: what the name stood for
	Detail string `json:"detail,omitempty"` // why, where that must be said

	// Next is where the journal goes on after this record.
	Next Position `json:"-"`
}

// State is what tells one version of a file from another.
type State struct {
	Exists  bool      `json:"exists"`
	Unknown bool      `json:"unknown,omitempty"` // the storage cannot tell
	Size    int64     `json:"size,omitempty"`
	ModTime time.Time `json:"mod_time,omitzero"`
	Unique  string    `json:"unique,omitempty"`
	Version string    `json:"version,omitempty"` // paradise.Entry has its meaning
}

// Position is a place in a journal that stays valid when files are rotated. Zero is
// the oldest record that is kept.
type Position struct {
	Segment int64 // number of the file
	Offset  int64 // in it
}

// String has the form of [Position.MarshalText].
func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Segment, p.Offset) }

// MarshalText gives the form "segment:offset".
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText takes the form of MarshalText.
func (p *Position) UnmarshalText(text []byte) error {
	a, b, _ := strings.Cut(string(text), ":")
	segment, err1 := strconv.ParseInt(a, 10, 64)
	offset, err2 := strconv.ParseInt(b, 10, 64)
	if err1 != nil || err2 != nil || segment < 0 || offset < 0 {
		return fmt.Errorf("journal: %q is no position", text)
	}
	*p = Position{segment, offset}
	return nil
}

// line is what stands in the file: a record, or the head of a segment.
type line struct {
	Record
	Segment int64 `json:"segment,omitempty"`
}

const begin Event = "begin" // of the head of a segment

func encode(buf *bytes.Buffer, l line) error {
	if !utf8.ValidString(l.Name) {
		l.RawName = []byte(l.Name)
	}
	e := json.NewEncoder(buf)
	e.SetEscapeHTML(false)
	return e.Encode(l)
}

// decode reports false for what is no line of a journal, such as one that a crash
// tore.
func decode(b []byte) (line, bool) {
	var l line
	if json.Unmarshal(b, &l) != nil || l.Event == "" || l.ID == "" && l.Event != begin {
		return line{}, false
	}
	if l.RawName != nil {
		l.Name = string(l.RawName)
	}
	return l, true
}

// writer is the part of an ID that tells who wrote it.
func writer(id string) string {
	w, _, _ := strings.Cut(id, "-")
	return w
}
