package osfs

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/paradiseftp/paradise"
)

const (
	hiddenPrefix = ".paradise-"
	partSuffix   = ".part"
	lockSuffix   = ".lock"
)

// errRoot refuses what cannot be done to the served folder itself.
var errRoot = fmt.Errorf("osfs: the served folder itself: %w", fs.ErrPermission)

// clean turns a virtual name into one that os.Root takes: relative, cleaned,
// "." for the folder itself. It does not trust the caller to have cleaned it.
func clean(name string) (string, error) {
	if name == "" || name[0] != '/' {
		name = "/" + name
	}
	rel := path.Clean(name)[1:]
	if rel == "" {
		return ".", nil
	}
	for part := range strings.SplitSeq(rel, "/") {
		if hidden(part) || badComponent(part) {
			return "", fmt.Errorf("osfs: %q: %w", part, paradise.ErrBadName)
		}
	}
	return rel, nil
}

// split cuts a cleaned name into its folder and its last element.
func split(rel string) (parent, base string) {
	if i := strings.LastIndexByte(rel, '/'); i >= 0 {
		return rel[:i], rel[i+1:]
	}
	return ".", rel
}

// hidden reports whether a file system could take name for one that begins
// with hiddenPrefix: some fold letter case, some ignore invisible characters.
func hidden(name string) bool {
	if len(name) < len(hiddenPrefix) || name[0] >= 'A' && name[0] < utf8.RuneSelf {
		return false
	}
	if name[0] == '.' && name[1] != 'p' && name[1] != 'P' && name[1] < utf8.RuneSelf {
		return false
	}
	name = strings.Map(dropInvisible, name)
	n := 0
	for range len(hiddenPrefix) {
		_, size := utf8.DecodeRuneInString(name[n:])
		n += size
	}
	return strings.EqualFold(name[:n], hiddenPrefix)
}

// dropInvisible drops the code points that HFS+ leaves out when it compares.
func dropInvisible(r rune) rune {
	switch {
	case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
		return -1
	}
	return r
}
