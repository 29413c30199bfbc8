package vpath

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestResolve(t *testing.T) {
	long := strings.Repeat("x", MaxElement)
	for _, rule := range []struct{ name, cwd, arg, want string }{
		{"nothing is cwd", "/a/b", "", "/a/b"},
		{"absolute", "/a", "/b/c", "/b/c"},
		{"relative", "/a", "b/c", "/a/b/c"},
		{"relative to the root", "/", "a", "/a"},
		{"the root", "/a", "/", "/"},
		{"slashes collapse", "/a", "//b///c", "/b/c"},
		{"a slash at the end falls", "/a", "b/", "/a/b"},
		{"dots fall", "/a", "./b/./c/.", "/a/b/c"},
		{"dot is cwd", "/a/b", ".", "/a/b"},
		{"dot-dot goes up", "/a/b", "..", "/a"},
		{"dot-dot within", "/a", "b/../c", "/a/c"},
		{"dot-dot to the root", "/a", "..", "/"},
		{"dot-dot above the root stays", "/a", "../../../b", "/b"},
		{"dot-dot above the root, absolute", "/a", "/../..", "/"},
		{"spaces are part of names", "/a", " b / c ", "/a/ b / c "},
		{"a space is a name", "/", " ", "/ "},
		{"three dots are a name", "/", "...", "/..."},
		{"dots within names are kept", "/", "a..b/..c/d..", "/a..b/..c/d.."},
		{"a backslash is part of a name", "/", `a\..\b`, `/a\..\b`},
		{"a tilde is a name", "/a", "~", "/a/~"},
		{"bytes that are not UTF-8 pass", "/", "\xff\xfe", "/\xff\xfe"},
		{"the longest element", "/", long, "/" + long},
		{"cwd need not be clean", "a//b/", "c", "/a/b/c"},
		{"nothing is cwd made clean", "a//b/", "", "/a/b"},
	} {
		t.Run(rule.name, func(t *testing.T) {
			got, err := Resolve(rule.cwd, rule.arg)
			require.NoError(t, err)
			assert.Equal(t, rule.want, got)
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	element := strings.Repeat("x", MaxElement)
	full := strings.Repeat("/"+element, MaxLen/(MaxElement+1))
	require.Len(t, full, MaxLen)
	for _, rule := range []struct{ name, cwd, arg string }{
		{"NUL", "/", "a\x00b"},
		{"CR", "/", "a\rb"},
		{"LF", "/", "/a\nb"},
		{"LF in an element that .. takes back", "/", "a\nb/.."},
		{"an element too long", "/", element + "x"},
		{"an element too long, absolute", "/", "/" + element + "x"},
		{"an element too long that .. takes back", "/", element + "x/.."},
		{"LF in cwd", "/a\nb", "c"},
		{"a path too long", full, "x"},
		{"a path too long, absolute", "/", full + "/x"},
	} {
		t.Run(rule.name, func(t *testing.T) {
			got, err := Resolve(rule.cwd, rule.arg)
			assert.ErrorIs(t, err, ErrBadName)
			assert.Empty(t, got)
		})
	}
	got, err := Resolve("/", full)
	require.NoError(t, err, "the longest path")
	assert.Equal(t, full, got)
}

func TestResolveOfACleanPathAllocatesNothing(t *testing.T) {
	for _, arg := range []string{"", "/", "/a/some folder/file.jpg"} {
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			if _, err := Resolve("/home", arg); err != nil {
				panic(err)
			}
		}), arg)
	}
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		if _, err := Resolve("/home", "a/../b"); err != nil {
			panic(err)
		}
	}), 1.0, "the result alone")
}

func FuzzResolve(f *testing.F) {
	f.Add("/", "a/../../b//c/.")
	f.Add("/a/b", "..")
	f.Add("x/../y", " / ")
	f.Add("/a", "")
	f.Fuzz(func(t *testing.T, cwd, arg string) {
		got, err := Resolve(cwd, arg)
		if err != nil {
			require.Equal(t, ErrBadName, err)
			require.Empty(t, got)
			return
		}
		require.True(t, strings.HasPrefix(got, "/"), "absolute")
		require.NotContains(t, got+"/", "/../")
		require.NotContains(t, got+"/", "/./")
		require.NotContains(t, got, "//")
		require.LessOrEqual(t, len(got), MaxLen)
		require.False(t, strings.ContainsAny(got, "\x00\r\n"))
		if strings.HasPrefix(arg, "/") {
			require.Equal(t, path.Clean(arg), got, "as the standard library cleans")
		} else {
			require.Equal(t, path.Clean("/"+cwd+"/"+arg), got, "as the standard library joins")
		}
		again, err := Resolve("/elsewhere", got)
		require.NoError(t, err)
		require.Equal(t, got, again, "resolved once, it stays")
	})
}

func BenchmarkResolve(b *testing.B) {
	for _, arg := range []string{"/folder/of/file.jpg", "file.jpg", "../other/./file.jpg"} {
		b.Run(arg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Resolve("/folder/of", arg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
