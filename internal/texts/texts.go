// Package texts creates many short strings with few allocations.
package texts

import "strings"

// Texts creates strings that share blocks of memory. A string keeps its whole block
// alive, so Texts is for strings that are short-lived, or kept and dropped together. The
// zero value is ready for use. It is not safe for concurrent use.
type Texts struct{ block strings.Builder }

const blockSize = 4 << 10

// Add returns p as a string.
func (t *Texts) Add(p []byte) string {
	at := t.room(len(p))
	t.block.Write(p)
	return t.block.String()[at:]
}

// Join returns a + b.
func (t *Texts) Join(a, b string) string {
	at := t.room(len(a) + len(b))
	t.block.WriteString(a)
	t.block.WriteString(b)
	return t.block.String()[at:]
}

// room ensures that the block has room for n bytes, and returns where they start.
func (t *Texts) room(n int) int {
	if t.block.Cap()-t.block.Len() < n {
		t.block = strings.Builder{} // the old one stays alive with its strings
		t.block.Grow(max(blockSize, n))
	}
	return t.block.Len()
}
