package line

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// model is a simple Reader that sees the whole input at once.
func model(in []byte, limit int) []string {
	kept, open := modelTelnet(in)
	var want []string
	for {
		line, rest, whole := bytes.Cut(kept, []byte("\n"))
		switch content := bytes.TrimSuffix(line, []byte("\r")); {
		case whole && len(content) > limit, !whole && len(line) >= limit+2:
			want = append(want, "!too long")
		case whole:
			want = append(want, string(content))
		}
		if !whole {
			if len(line) > 0 || open {
				want = append(want, unexpectedEOF)
			}
			return want
		}
		kept = rest
	}
}

// modelTelnet removes commands by looking ahead.
func modelTelnet(in []byte) (kept []byte, open bool) {
	for len(in) > 0 {
		atStart := len(kept) == 0 || kept[len(kept)-1] == '\n'
		switch b := in[0]; {
		case b != 0xff && atStart && (b == 0xf2 || b == 0xf4):
			in = in[1:]
		case b != 0xff:
			kept, in = append(kept, b), in[1:]
		case len(in) == 1:
			return kept, true
		case in[1] == 0xff || in[1] < 236:
			kept, in = append(kept, in[1]), in[2:]
		case in[1] == 250:
			end := bytes.Index(bytes.ReplaceAll(in[2:], []byte("\xff\xff"), []byte("\x00\x00")), []byte("\xff\xf0"))
			if end < 0 || end+2 > maxSub {
				end = maxSub - 2
			}
			if len(in) < 2+end+2 {
				return kept, true
			}
			in = in[2+end+2:]
		case in[1] >= 251:
			if len(in) < 3 {
				return kept, true
			}
			in = in[3:]
		default:
			in = in[2:]
		}
	}
	return kept, false
}

func FuzzReadLine(f *testing.F) {
	for _, rule := range lineRules {
		f.Add([]byte(rule.in), uint8(7), uint16(100))
	}
	f.Add([]byte("\xff\xfa\xff\xff\xff\xf0\xff\xfa\xff\x01\xf0\xff\xf0A\n"), uint8(1), uint16(3))
	f.Fuzz(func(t *testing.T, in []byte, chunk uint8, limit uint16) {
		r := new(Reader)
		r.Max = max(1, int(limit))
		src := new(script)
		for c := range slices.Chunk(in, int(chunk)+1) {
			src.steps = append(src.steps, string(c))
		}
		r.Reset(src)
		require.Equal(t, model(in, r.Max), results(t, r))
		require.LessOrEqual(t, len(r.buf), max(smallSize, largeSize, r.Max+lineEnd))
	})
}
