package ascii

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func decode(chunks ...[]byte) []byte {
	var d Decoder
	var got []byte
	for _, c := range chunks {
		got = d.Decode(got, c)
	}
	return d.Flush(got)
}

func encode(chunks ...[]byte) []byte {
	var e Encoder
	var got []byte
	for _, c := range chunks {
		got = e.Encode(got, c)
	}
	return got
}

type rule struct{ name, in, want string }

var decodeRules = []rule{
	{"nothing", "", ""},
	{"CRLF becomes LF", "a\r\nb\r\n", "a\nb\n"},
	{"LF stays", "a\nb\n", "a\nb\n"},
	{"CR stays", "a\rb", "a\rb"},
	{"CR at the end stays", "a\r", "a\r"},
	{"CR before CRLF stays", "a\r\r\nb", "a\r\nb"},
	{"LF CR stays", "a\n\rb", "a\n\rb"},
	{"a last line without end stays", "a\r\nb", "a\nb"},
	{"empty lines", "\r\n\r\n", "\n\n"},
	{"CR only", "\r\r\r", "\r\r\r"},
	{"NUL and high bytes stay", "\x00\xff\r\x00\r\n", "\x00\xff\r\x00\n"},
}

var encodeRules = []rule{
	{"nothing", "", ""},
	{"LF becomes CRLF", "a\nb\n", "a\r\nb\r\n"},
	{"CRLF is not doubled", "a\r\nb\r\n", "a\r\nb\r\n"},
	{"CR stays", "a\rb", "a\rb"},
	{"CR at the end stays", "a\r", "a\r"},
	{"CR CRLF stays", "a\r\r\nb", "a\r\r\nb"},
	{"LF CR", "a\n\rb", "a\r\n\rb"},
	{"a last line without end stays", "a\nb", "a\r\nb"},
	{"empty lines", "\n\n", "\r\n\r\n"},
	{"an empty line after CRLF", "\r\n\n", "\r\n\r\n"},
	{"NUL and high bytes stay", "\x00\xff\n", "\x00\xff\r\n"},
}

func TestDecode(t *testing.T) { checkRules(t, decodeRules, decode) }

func TestEncode(t *testing.T) { checkRules(t, encodeRules, encode) }

// checkRules tests every rule with the whole input, split at every point, and byte by
// byte.
func checkRules(t *testing.T, rules []rule, convert func(...[]byte) []byte) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			in := []byte(r.in)
			for at := range len(in) + 1 {
				require.Equal(t, r.want, string(convert(in[:at], nil, in[at:])), "split at %d", at)
			}
			require.Equal(t, r.want, string(convert(slices.Collect(slices.Chunk(in, 1))...)), "byte by byte")
		})
	}
}

func TestFlushMakesReadyForAnotherStream(t *testing.T) {
	var d Decoder
	assert.Empty(t, d.Decode(nil, []byte("\r")))
	assert.Equal(t, "\r", string(d.Flush(nil)))
	assert.Equal(t, "\n", string(d.Decode(nil, []byte("\n"))))
	assert.Empty(t, d.Flush(nil))
}

func TestGrowthIsBounded(t *testing.T) {
	var d Decoder
	d.Decode(nil, []byte("\r"))
	assert.Len(t, d.Decode(nil, []byte("ab")), 3, "one more than came in")
	var e Encoder
	assert.Len(t, e.Encode(nil, bytes.Repeat([]byte("\n"), 100)), 200, "twice what came in")
}

func TestNoAllocationWhereDstHasRoom(t *testing.T) {
	src, dst := bytes.Repeat([]byte("line\r\n"), 1000), make([]byte, 0, 16_000)
	var d Decoder
	var e Encoder
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		d.Decode(dst, src)
		e.Encode(dst, src)
	}))
}

func FuzzChunksDoNotMatter(f *testing.F) {
	for _, r := range slices.Concat(decodeRules, encodeRules) {
		f.Add([]byte(r.in), uint8(2))
	}
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		chunks := slices.Collect(slices.Chunk(in, int(size)+1))
		require.Equal(t, strings.ReplaceAll(string(in), "\r\n", "\n"), string(decode(chunks...)))
		require.Equal(t, string(encode(in)), string(encode(chunks...)))
	})
}

func FuzzRoundTrip(f *testing.F) {
	for _, r := range encodeRules {
		f.Add([]byte(r.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		require.NotContains(t, string(encode(bytes.ReplaceAll(in, []byte("\r"), nil))), "\r\r")
		require.Equal(t, string(encode(in)), string(encode(encode(in))), "encoding twice changes nothing")
		if !bytes.Contains(in, []byte("\r")) {
			require.Equal(t, string(in), string(decode(encode(in))))
		}
	})
}

func BenchmarkASCII(b *testing.B) {
	for _, c := range []struct {
		name string
		src  []byte
	}{
		{"lines", bytes.Repeat([]byte("a line of text as logs and tables have it, of 60 bytes....\r\n"), 1000)},
		{"binary", bytes.Repeat([]byte{0x80}, 60_000)},
	} {
		dst := make([]byte, 0, 2*len(c.src))
		b.Run("decode/"+c.name, func(b *testing.B) {
			var d Decoder
			b.SetBytes(int64(len(c.src)))
			for b.Loop() {
				d.Decode(dst, c.src)
			}
		})
		b.Run("encode/"+c.name, func(b *testing.B) {
			var e Encoder
			src := bytes.ReplaceAll(c.src, []byte("\r"), nil)
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				e.Encode(dst, src)
			}
		})
	}
}
