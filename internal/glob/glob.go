// Package glob matches one element of a path against a shell pattern. At worst a match
// takes time proportional to the product of their lengths, so a client cannot send an
// expensive pattern. Patterns of several elements, braces and recursion do not exist.
package glob

import (
	"strings"
	"unicode/utf8"
)

// HasMeta reports whether s is a pattern and not a plain name. A backslash alone does
// not turn s into a pattern, because names may contain one.
func HasMeta(s string) bool { return strings.ContainsAny(s, "*?[") }

// Match reports whether name matches pattern. See Compile.
func Match(pattern, name string) bool { return Compile(pattern).Match(name) }

// Pattern is a compiled pattern. It is safe for concurrent use.
type Pattern struct {
	items []item
	need  int // the least number of characters of a name that matches
}

// item is one part of a pattern.
type item struct {
	kind    kind
	negated bool   // for a class
	char    rune   // for a char
	ranges  []span // for a class
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
	// Only the last star needs another try: whatever an earlier star could gain by
	// matching more characters, the last one can gain too.
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

// hides reports whether name starts with a dot and the pattern does not.
func (p Pattern) hides(name string) bool {
	if !strings.HasPrefix(name, ".") {
		return false
	}
	return len(p.items) == 0 || p.items[0].kind != char
}

// takes reports whether it, which is not a star, matches c.
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

// decode is like utf8.DecodeRuneInString, but returns distinct values beyond Unicode for
// bytes that are not UTF-8.
func decode(s string) (c rune, width int) {
	c, width = utf8.DecodeRuneInString(s)
	if c == utf8.RuneError && width == 1 {
		c = utf8.MaxRune + 1 + rune(s[0])
	}
	return c, width
}
