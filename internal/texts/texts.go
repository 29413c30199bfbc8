// Package texts makes many short strings of few allocations.
package texts

import "strings"

// Texts makes strings that share blocks. Whoever keeps one string keeps its block,
// so they are for what passes by, or is kept and dropped together. The zero value
// is ready; it is not safe for concurrent use.
type Texts struct{ block strings.Builder }

const blockSize = 4 << 10

// Add makes a string of p.
func (t *Texts) Add(p []byte) string {
	at := t.room(len(p))
	t.block.Write(p)
	return t.block.String()[at:]
}

// Join makes one string of two.
func (t *Texts) Join(a, b string) string {
	at := t.room(len(a) + len(b))
	t.block.WriteString(a)
	t.block.WriteString(b)
	return t.block.String()[at:]
}

// room is where the next n bytes begin in the block.
func (t *Texts) room(n int) int {
	if t.block.Cap()-t.block.Len() < n {
		t.block = strings.Builder{} // the strings have the old one
		t.block.Grow(max(blockSize, n))
	}
	return t.block.Len()
}
