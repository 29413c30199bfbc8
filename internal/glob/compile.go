package glob

// Compile makes a Pattern of:
//
//   - any characters, or none
//     ?       one character
//     [a-z]   one of these; [!a-z] and [^a-z] one of the others; ] may come first
//     \c      c itself
//     c       itself
//
// As with ls, a dot at the beginning of a name is matched only by a dot. What is
// malformed, a [ without its end or a \ at the end, stands for itself, so every
// string is a pattern. Bytes that are not UTF-8 are characters of their own.
func Compile(pattern string) Pattern {
	var p Pattern
	closed := true // false once a [ had no end: then no later one has
	for pattern != "" {
		var it item
		width := 1
		switch pattern[0] {
		case '*':
			it.kind = star
		case '?':
			it.kind = any1
		case '[':
			if closed {
				it, width = parseClass(pattern)
				closed = width > 0
			}
			if !closed {
				it, width = item{char: '['}, 1
			}
		default:
			it.char, width = literal(pattern)
		}
		p.add(it)
		pattern = pattern[width:]
	}
	return p
}

// add appends it, several stars as one.
func (p *Pattern) add(it item) {
	if it.kind != star {
		p.need++
	} else if n := len(p.items); n > 0 && p.items[n-1].kind == star {
		return
	}
	p.items = append(p.items, it)
}

// parseClass reads the class that s begins with, and its width, 0 if it has no
// end.
func parseClass(s string) (it item, width int) {
	it.kind = class
	i := 1
	if i < len(s) && (s[i] == '!' || s[i] == '^') {
		it.negated = true
		i++
	}
	for first := true; i < len(s); first = false {
		if s[i] == ']' && !first {
			return it, i + 1
		}
		lo, w := literal(s[i:])
		i += w
		hi := lo
		if rest := s[i:]; len(rest) > 1 && rest[0] == '-' && rest[1] != ']' {
			hi, w = literal(rest[1:])
			i += 1 + w
		}
		it.ranges = append(it.ranges, span{lo, hi})
	}
	return item{}, 0
}

// literal decodes the character that s begins with, escaped or not.
func literal(s string) (c rune, width int) {
	if len(s) > 1 && s[0] == '\\' {
		c, width = decode(s[1:])
		return c, width + 1
	}
	return decode(s)
}
