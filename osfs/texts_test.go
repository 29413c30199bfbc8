package osfs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTextsStayAsTheyWereWhenOthersFollow(t *testing.T) {
	var made texts
	var want, got []string
	scratch := []byte{}
	for i := range 3 * textBlock {
		s := strings.Repeat(string(rune('a'+i%26)), i%7)
		if i%textBlock == 1000 {
			s = strings.Repeat("long", textBlock)
		}
		scratch = append(scratch[:0], s...)
		want = append(want, s)
		got = append(got, made.add(scratch))
	}
	assert.Equal(t, want, got)
}

func TestTextsAllocateOncePerBlock(t *testing.T) {
	text := []byte("sixteen letters.")
	var made texts
	allocs := testing.AllocsPerRun(100, func() {
		for range textBlock / len(text) {
			made.add(text)
		}
	})
	assert.LessOrEqual(t, allocs, 1.0)
}
