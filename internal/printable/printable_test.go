package printable_test

import (
	"encoding/json"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/printable"
)

func TestTextOfNames(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "",
		"plain name-1.txt":            "plain name-1.txt",
		"Grüße 世界 <b>&amp; العربية":   "Grüße 世界 <b>&amp; العربية",
		"u\u0308 decomposed":          "u\u0308 decomposed",
		"日本\u3000語":                   "日本\u3000語",
		"❤\uFE0F.jpg":                 "❤\uFE0F.jpg",
		"tab\tand\r\nline\x00":        "tab?and??line?",
		"\x1b[31mred\x7f":             "?[31mred?",
		"C1\u009bcontrol\u0085":       "C1?control?",
		"exe.\u202Egpj":               "exe.?gpj",
		"\u2066isolate\u2069\u061C":   "?isolate??",
		"zero\u200B\u200C\u200Dwidth": "zero???width",
		"\uFEFFbom\u2060":             "?bom?",
		"line\u2028par\u2029":         "line?par?",
		"soft\u00ADhyphen":            "soft?hyphen",
		"tag\U000E0041\U000E007F":     "tag??",
		"note\uFFF9a\uFFFAb\uFFFB":    "note?a?b?",
		"private\uE000\U0010FFFD":     "private??",
		"nothing\u0378\U000EFFFF":     "nothing??",
		"filler\u3164\u115F\uFFA0":    "filler???",
		"joiner\u034F":                "joiner?",
		"bytes\xff\xfe.\xed\xa0\x80":  "bytes?.?",
		"cut\xe4\xb8":                 "cut?",
		"replaced\uFFFD":              "replaced\uFFFD",
	} {
		assert.Equal(t, want, printable.Text(in), "%q", in)
	}
}

// alike reports whether r is in one of the large ranges of ideographs, syllables, or
// unassigned or private characters, of which a sample is enough.
func alike(r rune) bool {
	return r >= 0x3400 && r < 0xA000 || r >= 0xAC00 && r < 0xF900 || r >= 0x20000 && r < 0xE0000 || r >= 0xE1000
}

func TestEveryCharacterByItsCategory(t *testing.T) {
	shown := []*unicode.RangeTable{unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Zs}
	hidden := []*unicode.RangeTable{unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp}
	invisible := map[rune]bool{0x034F: true, 0x115F: true, 0x1160: true, 0x17B4: true, 0x17B5: true, 0x3164: true,
		0xFFA0: true}
	for r := range rune(unicode.MaxRune + 1) {
		if !utf8.ValidRune(r) || alike(r) && r%61 != 0 {
			continue // UTF-8 has no surrogates
		}
		want := string(r)
		switch {
		case invisible[r], unicode.In(r, hidden...), !unicode.In(r, shown...): // the last ones are unassigned
			want = "?"
		}
		if got := printable.Text("a" + string(r) + "b"); got != "a"+want+"b" {
			require.Equal(t, "a"+want+"b", got, "%U", r)
		}
	}
}

func TestEscapedJSONMeansTheSameAndCanBeShown(t *testing.T) {
	const block = 256
	for first := rune(0); first <= unicode.MaxRune; first += block {
		if alike(first) && first/block%61 != 0 {
			continue
		}
		var in []rune
		for r := first; r < first+block; r++ {
			if utf8.ValidRune(r) {
				in = append(in, r, 'x')
			}
		}
		text, err := json.Marshal(string(in))
		require.NoError(t, err)
		escaped := printable.Escape(append(text, '\n'))
		assert.Equal(t, string(escaped[:len(escaped)-1]), printable.Text(string(escaped[:len(escaped)-1])), "%U", first)
		var back string
		require.NoError(t, json.Unmarshal(escaped, &back))
		require.Equal(t, string(in), back, "%U", first)
	}
}

func TestPlainTextIsNotCopied(t *testing.T) {
	assert.Zero(t, testing.AllocsPerRun(100, func() { printable.Text("/folder/Grüße.txt") }))
	line := []byte(`{"msg":"transfer","name":"/f"}` + "\n")
	assert.Zero(t, testing.AllocsPerRun(100, func() { printable.Escape(line) }))
}
