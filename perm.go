package paradise

import (
	"encoding"
	"fmt"
	"strconv"
	"strings"
)

// permNames are the names of permissions in text; those of several come first. The order
// is that of String.
var permNames = []struct {
	word string
	perm Perm
}{
	{"writes", PermWrites}, {"all-but-upload", PermAllButUpload},
	{"list", PermList}, {"read", PermRead}, {"create", PermCreate}, {"overwrite", PermOverwrite},
	{"append", PermAppend}, {"delete", PermDelete}, {"rename", PermRename}, {"mkdir", PermMkdir},
	{"rmdir", PermRmdir}, {"chmod", PermChmod}, {"times", PermTimes}, {"site", PermSite},
}

// formerPermNames name what a Deny leaves, and so read as their opposite. Configurations
// have them.
var formerPermNames = map[string]Perm{"read-only": PermWrites, "upload-only": PermAllButUpload}

var (
	_ encoding.TextMarshaler   = Perm(0)
	_ encoding.TextUnmarshaler = (*Perm)(nil)
)

// ParsePerm returns the permissions that words name: list, read, create, overwrite,
// append, delete, rename, mkdir, rmdir, chmod, times, site; for several at once writes
// ([PermWrites]) and all-but-upload ([PermAllButUpload]); or none. Several words are parted
// by commas, with or without spaces. Of older configurations it takes read-only for writes
// and upload-only for all-but-upload. What [Perm.String] writes it reads. The error of a
// word that it does not know lists those that there are.
func ParsePerm(words string) (Perm, error) {
	if strings.TrimSpace(words) == "none" {
		return 0, nil
	}
	var p Perm
	for word := range strings.SplitSeq(words, ",") {
		one, ok := permNamed(strings.TrimSpace(word))
		if !ok {
			return 0, fmt.Errorf("paradise: %.40q is no permission: use %s", strings.TrimSpace(word), knownPerms())
		}
		p |= one
	}
	return p, nil
}

func permNamed(word string) (Perm, bool) {
	for _, k := range permNames {
		if k.word == word {
			return k.perm, true
		}
	}
	if digits, ok := strings.CutPrefix(word, "0x"); ok {
		n, err := strconv.ParseUint(digits, 16, 32)
		return Perm(n), err == nil && n != 0
	}
	p, ok := formerPermNames[word]
	return p, ok
}

// knownPerms is a list for people.
func knownPerms() string {
	var words []string
	for _, k := range permNames {
		words = append(words, k.word)
	}
	return strings.Join(words, ", ") + " or none"
}

// String writes p as [ParsePerm] reads it: "writes", "list,read" or "none". Bits without a
// meaning come last, as a number.
func (p Perm) String() string {
	if p == 0 {
		return "none"
	}
	var words []string
	for _, k := range permNames {
		if p&k.perm == k.perm {
			words = append(words, k.word)
			p &^= k.perm
		}
	}
	if p != 0 {
		words = append(words, fmt.Sprintf("%#x", uint32(p)))
	}
	return strings.Join(words, ",")
}

// MarshalText writes what [Perm.String] does. It never fails.
func (p Perm) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what [ParsePerm] does.
func (p *Perm) UnmarshalText(text []byte) error {
	parsed, err := ParsePerm(string(text))
	if err == nil {
		*p = parsed
	}
	return err
}
