package texts

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTextsStayAsTheyWereWhenOthersFollow(t *testing.T) {
	var made Texts
	var want, got []string
	scratch := []byte{}
	for i := range 3 * blockSize {
		s := strings.Repeat(string(rune('a'+i%26)), i%7)
		if i%blockSize == 1000 {
			s = strings.Repeat("long", blockSize)
		}
		scratch = append(scratch[:0], s...)
		want = append(want, s)
		got = append(got, made.Add(scratch))
	}
	assert.Equal(t, want, got)
}

func TestTextsAllocateOncePerBlock(t *testing.T) {
	text := []byte("sixteen letters.")
	var made Texts
	allocs := testing.AllocsPerRun(100, func() {
		for range blockSize / len(text) {
			made.Add(text)
		}
	})
	assert.LessOrEqual(t, allocs, 1.0)
}
