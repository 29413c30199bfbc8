package paradise

import (
	"bytes"
	"path"
	"strings"

	"github.com/paradiseftp/paradise/internal/vpath"
)

// Bounds of LIST -R. Folders beyond them are shown and not opened, and the 226
// tells how many.
const (
	treeFolders = 100_000   // opened for one listing
	treeRoom    = 192 << 10 // bytes of the names that wait
)

// tree is what LIST -R has still to open, depth first as ls does. One folder is
// open at a time; of the others it has the names.
type tree struct {
	root   string // the folder that is listed
	base   string // and as the client wrote it, or what stands before a pattern
	paths  bool   // NLST: each line is a path (RFC 1123, 4.1.2.7), without headers
	levels []treeLevel
	path   []byte // of the folder that is open, below root
	wait   []byte // names of folders, NUL behind each
	opened int
	left   int // folders that were not opened
}

// treeLevel is a folder that is open, or whose own folders wait.
type treeLevel struct {
	path  int // length of its path
	start int // where its folders are in tree.wait
	next  int // and the first of them that has not been opened
}

// leftOut is the end of the 226.
func (t *tree) leftOut() string {
	switch {
	case t == nil || t.left == 0:
		return ""
	case t.left == 1:
		return ", left out 1 folder"
	}
	return ", left out " + itoa(int64(t.left)) + " folders"
}

// room is how much memory the names that wait may take.
func (t *tree) room() int {
	if t == nil {
		return 0
	}
	return treeRoom
}

// note has a folder that was shown wait for its turn. Links are not followed.
func (t *tree) note(e *Entry) {
	if t == nil || !e.IsDir() {
		return
	}
	tooLong := len(t.root)+len(t.path)+len(e.Name)+2 > vpath.MaxLen
	if tooLong || len(t.levels) > treeDepth || len(t.wait)+len(e.Name) >= treeRoom {
		t.left++
		return
	}
	t.wait = append(append(t.wait, e.Name...), 0)
}

// enter begins the level of the folder that path names.
func (t *tree) enter() {
	t.opened++
	t.levels = append(t.levels, treeLevel{len(t.path), len(t.wait), len(t.wait)})
}

// next makes path that of the next folder; false: there is none.
func (t *tree) next() bool {
	for len(t.levels) > 0 {
		l := &t.levels[len(t.levels)-1]
		t.path = t.path[:l.path]
		if name, _, some := bytes.Cut(t.wait[l.next:], []byte{0}); some {
			l.next += len(name) + 1
			if len(t.path) > 0 {
				t.path = append(t.path, '/')
			}
			t.path = append(t.path, name...)
			return true
		}
		t.wait = t.wait[:l.start]
		t.levels = t.levels[:len(t.levels)-1]
	}
	return false
}

// shown is path as it follows from what the client wrote.
func (t *tree) shown() string {
	if t.base == "" || strings.HasSuffix(t.base, "/") {
		return t.base + string(t.path)
	}
	return t.base + "/" + string(t.path)
}

// sendTree sends a folder and all below it, in the form of ls -lR. A pattern
// chooses in the first folder only.
func (j *listJob) sendTree(p *page, entries Listing) error {
	t, pattern := j.below, j.pattern
	if !t.paths && pattern == nil {
		p.b = append(append(p.b, t.base...), ":\r\n"...)
	}
	t.enter()
	if err := p.add(entries); err != nil {
		return err
	}
	j.pattern = nil
	defer func() { j.pattern = pattern }()
	for t.next() {
		if err := j.sendFolder(p); err != nil {
			return err
		}
	}
	return nil
}

// sendFolder sends the folder that is next. One that is refused, or has gone, is
// left out as ls does; storage that fails ends the listing.
func (j *listJob) sendFolder(p *page) error {
	t := j.below
	if err := j.x.ctx.Err(); err != nil {
		return err
	}
	if t.opened >= treeFolders {
		t.left++
		return nil
	}
	entries, err := j.folder(path.Join(t.root, string(t.path)))
	if err == nil {
		p.begin(t)
		t.enter()
		err = p.add(entries)
	}
	if err != nil && replyFor(err, 550).code >= 500 {
		t.left++
		return nil
	}
	return err
}

// begin says which folder the next entries are of.
func (p *page) begin(t *tree) {
	if t.paths {
		p.j.prefix = t.shown() + "/"
		return
	}
	p.b = append(p.b, "\r\n"...)
	p.b = append(append(p.b, t.shown()...), ":\r\n"...)
}

// treeDepth bounds how deep removeTree goes.
const treeDepth = 64
