//go:build !windows

package osfs

import "strings"

func badComponent(name string) bool { return strings.IndexByte(name, 0) >= 0 }
