// Package printable makes names from clients safe to show: on a terminal, on a page, in a
// log. A name may contain sequences that move the cursor, characters that change the
// direction of writing so that "exe.gpj" reads "jpg.exe", or characters that are
// invisible.
package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Mark replaces characters that cannot be shown.
const Mark = '?'

// Rune reports whether r can be shown unchanged. Letters, marks, numbers, punctuation,
// symbols and spaces of all languages can. Control and format characters, line and
// paragraph separators, unassigned and private characters, and letters and marks that
// Unicode defines as invisible cannot.
func Rune(r rune) bool {
	if r < utf8.RuneSelf {
		return ' ' <= r && r <= '~'
	}
	return unicode.IsGraphic(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// Text replaces each character that cannot be shown with Mark, and so bytes that are not
// UTF-8.
func Text(s string) string {
	if shown(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if Rune(r) {
			return r
		}
		return Mark
	}, strings.ToValidUTF8(s, string(Mark)))
}

// shown reports whether all of s can be shown.
func shown(s string) bool {
	for i, r := range s {
		if !Rune(r) || r == utf8.RuneError && invalid(s[i:]) {
			return false
		}
	}
	return true
}

func invalid(s string) bool {
	_, n := utf8.DecodeRuneInString(s)
	return n <= 1
}

// Escape replaces characters that cannot be shown with JSON's escapes for strings. text
// is JSON, and means the same afterwards. Line ends stay, because in JSON they occur only
// between tokens.
func Escape(text []byte) []byte {
	i := 0
	for i < len(text) && (text[i] >= ' ' && text[i] <= '~' || text[i] == '\n') {
		i++
	}
	if i == len(text) {
		return text
	}
	out := append(make([]byte, 0, len(text)+16), text[:i]...)
	for i < len(text) {
		r, n := utf8.DecodeRune(text[i:])
		if Rune(r) || r == '\n' {
			out = append(out, text[i:i+n]...)
		} else {
			out = escape(out, r)
		}
		i += n
	}
	return out
}

// escape appends JSON's escape of r, a surrogate pair if r is beyond the first plane.
func escape(out []byte, r rune) []byte {
	if r1, r2 := utf16.EncodeRune(r); r1 != utf8.RuneError {
		return escape(escape(out, r1), r2)
	}
	return fmt.Appendf(out, `\u%04x`, r)
}
