// Package glob matches one element of a path against a shell pattern. A match
// takes time in proportion to the product of their lengths at worst, so that
// clients cannot make one expensive: there is no pattern of several elements, no
// brace and no recursion.
package glob

import (
	"strings"
	"unicode/utf8"
)

// HasMeta reports whether s can match anything but itself. A backslash alone
// makes no pattern: names may hold one.
func HasMeta(s string) bool { return strings.ContainsAny(s, "*?[") }

// Match reports whether name matches pattern. See Compile.
func Match(pattern, name string) bool { return Compile(pattern).Match(name) }

// Pattern is a compiled pattern. It may be used from many goroutines at once.
type Pattern struct {
	items []item
	need  int // characters a name must have at least
}

// item is one part of a pattern.
type item struct {
	kind    kind
	negated bool   // class
	char    rune   // char
	ranges  []span // class
}

type kind uint8

const (
	char kind = iota
	star
	any1
	class
)

type span struct{ lo, hi rune }

// Match reports whether the whole of name matches.
func (p Pattern) Match(name string) bool {
	if p.hides(name) || len(name) < p.need {
		return false
	}
	// Only the last star ever needs another try: what an earlier one could gain
	// by taking more, the last can too.
	afterStar, retry := -1, 0
	i, n := 0, 0
	for n < len(name) {
		if i < len(p.items) && p.items[i].kind == star {
			i++
			afterStar, retry = i, n
			continue
		}
		c, width := decode(name[n:])
		if i < len(p.items) && p.items[i].takes(c) {
			i++
			n += width
			continue
		}
		if afterStar < 0 {
			return false
		}
		_, width = decode(name[retry:])
		retry += width
		i, n = afterStar, retry
	}
	for i < len(p.items) && p.items[i].kind == star {
		i++
	}
	return i == len(p.items)
}

// hides reports whether name begins with a dot that only a dot would match.
func (p Pattern) hides(name string) bool {
	if !strings.HasPrefix(name, ".") {
		return false
	}
	return len(p.items) == 0 || p.items[0].kind != char
}

// takes reports whether it, which is no star, matches c.
func (it *item) takes(c rune) bool {
	switch it.kind {
	case any1:
		return true
	case char:
		return it.char == c
	}
	for _, s := range it.ranges {
		if s.lo <= c && c <= s.hi {
			return !it.negated
		}
	}
	return it.negated
}

// decode is utf8.DecodeRuneInString with distinct values, beyond Unicode, for
// bytes that are not UTF-8.
func decode(s string) (c rune, width int) {
	c, width = utf8.DecodeRuneInString(s)
	if c == utf8.RuneError && width == 1 {
		c = utf8.MaxRune + 1 + rune(s[0])
	}
	return c, width
}
