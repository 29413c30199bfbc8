package paradise

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Nothing in a text ends its line or begins another one; all else passes, because
// names are in it that a client sends back.
func TestTextsForgeNoLine(t *testing.T) {
	for _, rule := range []struct {
		name string
		r    reply
		want string
	}{
		{"a line end", say(550, "a\r\n230 b"), "550 a  230 b\r\n"},
		{"half a line end", say(550, "a\n230 b\rc"), "550 a 230 b c\r\n"},
		{"what C takes for the end", say(550, "a\x00b"), "550 a b\r\n"},
		{"other control characters", say(257, "\"/a\x01\t\x1b\x7f\xff\""), "257 \"/a\x01\t\x1b\x7f\xff\"\r\n"},
		{"lines before the last", reply{code: 211, text: "e\n", lines: []string{"a\r\n", "b\nc"}}, "211-a  \r\n211-b c\r\n211 e \r\n"},
		{"a body", reply{code: 211, text: "e", body: true, lines: []string{"a", "b\n211 c\x00"}}, "211-a\r\n b 211 c \r\n211 e\r\n"},
		{"a text of the host program", textReply(220, "a\r\n220 b\rc\nd\x00"), "220-a\r\n220-220 b c\r\n220 d \r\n"},
	} {
		assert.Equal(t, rule.want, string(appendReply(nil, rule.r)), rule.name)
	}
}

func TestQuotedWords(t *testing.T) {
	for _, rule := range []struct {
		text string
		want []string
		ok   bool
	}{
		{"", nil, true},
		{" a  b ", []string{"a", "b"}, true},
		{`"a b" c`, []string{"a b", "c"}, true},
		{`"say ""hi""" c`, []string{`say "hi"`, "c"}, true},
		{`"""" """a"`, []string{`"`, `"a`}, true},
		{`"" a`, []string{"", "a"}, true},
		{`a"b""c d`, []string{`a"b""c`, "d"}, true},
		{`"a`, nil, false},
		{`"a""`, nil, false},
		{`"`, nil, false},
	} {
		words, ok := quotedWords(rule.text)
		assert.Equal(t, rule.ok, ok, rule.text)
		assert.Equal(t, rule.want, words, rule.text)
	}
	for _, name := range []string{"/a", `/a"b`, `/"`, `/say "hi"`, `/""`} {
		words, ok := quotedWords(quotePath(name))
		assert.True(t, ok)
		assert.Equal(t, []string{name}, words, "as 257 has it")
	}
}
