package glob

import (
	"path"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMatch(t *testing.T) {
	for _, rule := range []struct {
		name, pattern string
		match, differ []string
	}{
		{"the empty pattern", "", []string{""}, []string{"a", ".a"}},
		{"letters match themselves", "a.csv", []string{"a.csv"}, []string{"A.csv", "a.csvx", "xa.csv", "a_csv", ""}},
		{"a star is any string", "*", []string{"", "a", "a b", "日本"}, nil},
		{"a star at the beginning", "*.csv", []string{"a.csv", "a.b.csv"}, []string{"a.csv.gz", "csv"}},
		{"a star within", "a*z", []string{"az", "abz", "azz", "a*z"}, []string{"a", "z", "azb"}},
		{"several stars", "*a*b*", []string{"ab", "xaxbx", "aab"}, []string{"ba", "a", "b"}},
		{"stars in a row", "a***", []string{"a", "ab"}, []string{"b"}},
		{"a star gives way", "*ab", []string{"ab", "aab", "abab"}, []string{"aba"}},
		{"a question mark is one character", "?", []string{"a", "é", "日", "\xff"}, []string{"", "ab", "."}},
		{"a question mark takes no half of one", "??", []string{"日本", "\xe6\x97"}, []string{"日"}},
		{"a class", "[abc]", []string{"a", "c"}, []string{"d", "", "ab", "[abc]"}},
		{"a range", "[b-d]x", []string{"bx", "dx"}, []string{"ax", "ex", "-x"}},
		{"a range of others than ASCII", "[а-я]", []string{"д"}, []string{"d", "Д"}},
		{"a range turned round is empty", "[d-b]", nil, []string{"b", "c", "d"}},
		{"a class and its complement", "[!a-c]", []string{"d", "é", "\xff"}, []string{"a", ""}},
		{"the complement, other spelling", "[^a]", []string{"b", "^"}, []string{"a"}},
		{"] first in a class", "[]a]", []string{"]", "a"}, []string{"b"}},
		{"] first in a complement", "[!]a]", []string{"b", "!"}, []string{"]", "a"}},
		{"- at the edges of a class", "[-a-]", []string{"-", "a"}, []string{"b"}},
		{"] escaped in a class", `[\]a]`, []string{"]", "a"}, []string{`\`}},
		{"an escape", `\*\?\[\\`, []string{`*?[\`}, []string{"a?[x"}},
		{"an escaped letter", `\a`, []string{"a"}, []string{`\a`}},
		{"a class without end stands for itself", "*[a", []string{"[a", "x[a"}, []string{"a", "xa"}},
		{"what follows it is pattern still", "[a?", []string{"[ax"}, []string{"[a", "a"}},
		{"an empty class has no end", "[]", []string{"[]"}, []string{"]", "["}},
		{"a backslash at the end stands for itself", `a\`, []string{`a\`}, []string{"a"}},
		{"a dot file is not for a star", "*", []string{"a.b"}, []string{".", "..", ".a"}},
		{"nor for a star before it", "*.a", []string{"b.a"}, []string{".a"}},
		{"nor for a class", "[.]a", nil, []string{".a"}},
		{"nor for a complement", "[!b]a", []string{"aa"}, []string{".a"}},
		{"but for a dot", ".*", []string{".", ".a"}, []string{"a"}},
		{"or an escaped dot", `\.a`, []string{".a"}, nil},
		{"bytes that are not UTF-8 match themselves", "\xffa*", []string{"\xffa", "\xffab"}, []string{"\xfea", "\uFFFDa"}},
		{"the replacement character is itself", "\uFFFD", []string{"\uFFFD"}, []string{"\xff"}},
	} {
		t.Run(rule.name, func(t *testing.T) {
			p := Compile(rule.pattern)
			for _, name := range rule.match {
				assert.True(t, p.Match(name), "%q", name)
			}
			for _, name := range rule.differ {
				assert.False(t, p.Match(name), "%q", name)
			}
		})
	}
}

func TestHasMeta(t *testing.T) {
	for _, s := range []string{"*", "a?", "[a]", "a[b", `\*`} {
		assert.True(t, HasMeta(s), s)
	}
	for _, s := range []string{"", "a.csv", `dir\file`, "a]b", "-x!^"} {
		assert.False(t, HasMeta(s), s)
	}
}

// The bound is a hundred times the time that a match needs. Backtracking over every star
// would take longer than the age of the universe.
func TestNoPatternIsExpensive(t *testing.T) {
	as := strings.Repeat("a", 255)
	brackets := strings.Repeat("[", 255)
	for _, c := range []struct{ name, pattern, text string }{
		{"stars", strings.Repeat("a*", 127) + "b", as},
		{"stars and marks", strings.Repeat("*?", 100) + "b", as},
		{"half the name again and again", "*" + strings.Repeat("a", 127) + "b*", as},
		{"a class again and again", "*[" + strings.Repeat("b-c", 80) + "]*", as},
		{"complements", strings.Repeat("*[!b]", 50) + "b", as},
		{"classes without end", "*" + brackets, brackets[1:] + "x"},
		{"a long line of brackets", strings.Repeat("*[", 2000), brackets},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			Match(c.pattern, c.text)
			assert.Less(t, time.Since(start), time.Second)
		})
	}
	assert.False(t, Match(strings.Repeat("a*", 127)+"b", as))
}

func TestMatchOfACompiledPatternAllocatesNothing(t *testing.T) {
	p := Compile("*[0-9]?.jp*g")
	assert.Zero(t, testing.AllocsPerRun(100, func() { p.Match("DSC_001234.jpeg") }))
}

func FuzzMatch(f *testing.F) {
	f.Add("*.csv", "a.csv")
	f.Add("[!a-c]?*", "xyz")
	f.Add(`\[[]\]]`, "[]")
	f.Add("[\xff-é]", "\xff")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		got := Match(pattern, name)
		require.True(t, Match(escape(name), name), "a name escaped matches itself")
		if !strings.HasPrefix(name, ".") {
			require.True(t, Match("*", name))
		}
		if got && !strings.HasSuffix(pattern, `\`) {
			require.True(t, Match(pattern+"*", name), "a star at the end takes nothing away")
		}
		if !HasMeta(pattern) && !strings.Contains(pattern, `\`) {
			require.Equal(t, pattern == name, got, "a pattern without meta is a name")
		}
		if knownToPath(pattern, name) {
			want, err := path.Match(pattern, name)
			require.NoError(t, err)
			require.Equal(t, want, got, "as the standard library matches")
		}
	})
}

// escape returns a pattern that matches only name.
func escape(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}

// knownToPath reports whether pattern means the same in path.Match.
func knownToPath(pattern, name string) bool {
	return utf8.ValidString(pattern) && utf8.ValidString(name) &&
		!strings.ContainsAny(pattern, `[\`) && !strings.Contains(name, "/") && !strings.HasPrefix(name, ".")
}

func BenchmarkMatch(b *testing.B) {
	for _, pattern := range []string{"*.jpg", "DSC_????[0-9]*.jp*g"} {
		b.Run(pattern, func(b *testing.B) {
			p := Compile(pattern)
			b.ReportAllocs()
			for b.Loop() {
				p.Match("DSC_001234.jpeg")
			}
		})
	}
}
