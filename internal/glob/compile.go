package glob

// Compile compiles a pattern, which consists of:
//
//   - "*": any number of characters, also none
//   - "?": one character
//   - "[a-z]": one of these characters; "[!a-z]" and "[^a-z]": one of the others; a "]"
//     that comes first is one of the characters
//   - "\c": the character c
//   - any other character: itself
//
// As in ls, only a dot matches a dot at the start of a name. Malformed parts, a "["
// without its end or a "\" at the end, match themselves, so every string is a pattern.
// Each byte that is not UTF-8 counts as one character.
func Compile(pattern string) Pattern {
	var p Pattern
	closed := true // false after a [ without end: then no later one has an end
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

// add appends it. It merges consecutive stars into one.
func (p *Pattern) add(it item) {
	if it.kind != star {
		p.need++
	} else if n := len(p.items); n > 0 && p.items[n-1].kind == star {
		return
	}
	p.items = append(p.items, it)
}

// parseClass parses the class at the start of s and returns its width, or 0 if the class
// has no end.
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

// literal decodes the character at the start of s, which may be escaped.
func literal(s string) (c rune, width int) {
	if len(s) > 1 && s[0] == '\\' {
		c, width = decode(s[1:])
		return c, width + 1
	}
	return decode(s)
}
