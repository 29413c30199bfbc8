// Package printable makes foreign names fit for a screen: a terminal, a page, a log.
// Names come from strangers. They may hold sequences that move a cursor, turn the
// direction of writing so that "exe.gpj" reads "jpg.exe", or show nothing at all.
package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Mark stands where something was that is not to be shown.
const Mark = '?'

// Rune reports whether r can be shown as it is: letters, marks, numbers, punctuation,
// symbols and spaces, whatever the language. Control and format characters, ends of
// lines and paragraphs, what is unassigned or private, and letters and marks that
// Unicode wants to be invisible cannot.
func Rune(r rune) bool {
	if r < utf8.RuneSelf {
		return ' ' <= r && r <= '~'
	}
	return unicode.IsGraphic(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// Text puts a Mark in the place of each character that cannot be shown, and of bytes
// that are no UTF-8.
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

// Escape writes what cannot be shown as JSON does within strings: a text in JSON means
// the same afterwards. Line ends stay, for they stand between its tokens.
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

// escape writes r as JSON does, beyond the first plane as a pair.
func escape(out []byte, r rune) []byte {
	if r1, r2 := utf16.EncodeRune(r); r1 != utf8.RuneError {
		return escape(escape(out, r1), r2)
	}
	return fmt.Appendf(out, `\u%04x`, r)
}
