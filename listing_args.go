package paradise

import "strings"

// listFlags are the options of ls that clients put before LIST's path.
type listFlags uint16

const (
	listAll       listFlags = 1 << iota // a: "." and ".." too
	listDir                             // d: the folder itself, not what is in it
	listLong                            // l: NLST -l is LIST
	listOne                             // 1: LIST -1 is NLST
	listRecursive                       // R: what is below too
	listReverse                         // r
	listBySize                          // S
	listByTime                          // t
)

// parseListArgs splits LIST's and NLST's argument into options and a path. After
// an option word comes one space; more are the path's. "--" ends the options.
// Letters that are unknown, as in -aLF, are ignored; a word with anything but
// letters and digits, and "-" alone, is the path. So may be what looks like
// options: ask first whether an entry has the whole argument for its name.
func parseListArgs(arg string) (flags listFlags, path string) {
	for strings.HasPrefix(arg, "-") {
		word, rest, _ := strings.Cut(arg, " ")
		if word == "--" {
			return flags, rest
		}
		more, ok := parseListFlags(word[1:])
		if !ok {
			break
		}
		flags |= more
		arg = rest
	}
	return flags, arg
}

func parseListFlags(letters string) (flags listFlags, ok bool) {
	for i := range len(letters) {
		switch c := letters[i]; c {
		case 'a', 'A':
			flags |= listAll
		case 'd':
			flags |= listDir
		case 'l':
			flags |= listLong
		case '1':
			flags |= listOne
		case 'R':
			flags |= listRecursive
		case 'r':
			flags |= listReverse
		case 'S':
			flags |= listBySize
		case 't':
			flags |= listByTime
		default:
			if !isAlphanumeric(c) {
				return 0, false
			}
		}
	}
	return flags, letters != ""
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// parseOptsMLST reads the facts that OPTS MLST asks for (RFC 3659, 7.9). Unknown
// ones are ignored, none at all turns all off. ok is false, for a 501, where a
// space stands in the list: then the old set stays in force.
func parseOptsMLST(arg string) (facts factSet, ok bool) {
	arg = strings.TrimRight(arg, " ")
	if strings.Contains(arg, " ") {
		return 0, false
	}
	for asked := range strings.SplitSeq(arg, ";") {
		for i, name := range factNames {
			if strings.EqualFold(asked, name) {
				facts |= 1 << i
			}
		}
	}
	return facts, true
}

// optsMLSTReply is the text of the 200 to OPTS MLST: what is in force now.
func optsMLSTReply(facts factSet) string {
	s := "MLST OPTS"
	sep := " "
	for i, name := range factNames {
		if facts&(1<<i) != 0 {
			s += sep + name + ";"
			sep = ""
		}
	}
	return s
}
