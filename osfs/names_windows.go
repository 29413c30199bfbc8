package osfs

import "strings"

// badComponent refuses what Windows would take for another name: streams,
// wildcards, trailing dots and spaces, and the short names of hidden files.
func badComponent(name string) bool {
	if strings.ContainsAny(name, "<>:\"|?*\\\x00") || strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") {
		return true
	}
	return len(name) >= 8 && name[6] == '~' && strings.EqualFold(name[:2], "pa")
}
