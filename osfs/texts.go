package osfs

import "strings"

// texts makes many short strings of few allocations: they share blocks. Who
// keeps one string keeps its block, so it is for what passes by.
type texts struct{ block strings.Builder }

const textBlock = 4 << 10

func (t *texts) add(p []byte) string {
	if t.block.Cap()-t.block.Len() < len(p) {
		t.block = strings.Builder{} // the strings have the old one
		t.block.Grow(max(textBlock, len(p)))
	}
	at := t.block.Len()
	t.block.Write(p)
	return t.block.String()[at:]
}
