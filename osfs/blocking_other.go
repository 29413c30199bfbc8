//go:build !unix

package osfs

import "os"

const nonBlock = 0

func setBlocking(*os.File) error { return nil }
