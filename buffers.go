package paradise

import "sync"

// Buffers of uploads begin small and grow when reads fill them: thousands of
// slow cameras must not hold a large one each.
var bufferSizes = [...]int{4 << 10, 32 << 10, largeBuffer}

const largeBuffer = 256 << 10

var bufferPools [len(bufferSizes)]sync.Pool

// getBuffer returns a buffer of a size class.
func getBuffer(class int) *[]byte {
	if b, ok := bufferPools[class].Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, bufferSizes[class])
	return &b
}

func putBuffer(class int, b *[]byte) { bufferPools[class].Put(b) }

// replyBufferKept is the largest that is kept: STAT of a large folder needs one
// of a megabyte, and nothing else does.
const replyBufferKept = 64 << 10

var replyBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 256); return &b }}
