package paradise

import "unicode/utf8"

// charsetState is what is known of a client's way to write names.
type charsetState uint8

const (
	charsetUnknown charsetState = iota
	charsetUTF8                 // it said OPTS UTF8 ON or sent UTF-8
	charsetOther                // it said OPTS UTF8 OFF or sent what is none
)

// legacy reports whether names go through Policy.Charset.
func (c *conn) legacy() bool {
	return c.params.charset != charsetUTF8 && c.facts().Policy.Charset != nil
}

// decode makes UTF-8 of a client's argument. Bytes that the charset cannot
// give back unchanged pass as they are.
func (c *conn) decode(arg string) string {
	charset := c.facts().Policy.Charset
	if charset == nil || isASCII(arg) || c.params.charset == charsetUTF8 {
		return arg
	}
	if c.params.charset == charsetUnknown {
		if utf8.ValidString(arg) {
			c.params.charset = charsetUTF8
			return arg
		}
		c.params.charset = charsetOther
	}
	text, err := charset.NewDecoder().String(arg)
	if err != nil {
		return arg
	}
	if back, err := charset.NewEncoder().String(text); err != nil || back != arg {
		return arg
	}
	return text
}

// encode is decode's way back, for replies and listings.
func (c *conn) encode(b []byte) []byte {
	if !c.legacy() || isASCII(string(b)) {
		return b
	}
	out, err := c.facts().Policy.Charset.NewEncoder().Bytes(b)
	if err != nil {
		return b
	}
	return out
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
