package webhook

import (
	"fmt"

	"github.com/paradiseftp/paradise"
)

var perms = map[string]paradise.Perm{
	"list":      paradise.PermList,
	"read":      paradise.PermRead,
	"create":    paradise.PermCreate,
	"overwrite": paradise.PermOverwrite,
	"append":    paradise.PermAppend,
	"delete":    paradise.PermDelete,
	"rename":    paradise.PermRename,
	"mkdir":     paradise.PermMkdir,
	"rmdir":     paradise.PermRmdir,
	"chmod":     paradise.PermChmod,
	"times":     paradise.PermTimes,
	"site":      paradise.PermSite,

	"writes":      paradise.PermWrites,
	"read-only":   paradise.DenyReadOnly,
	"upload-only": paradise.DenyUploadOnly,
}

// ParsePerm returns the permissions that a name in an answer's deny takes away. The
// names are list, read, create, overwrite, append, delete, rename, mkdir, rmdir, chmod,
// times and site, and three for several at once: writes takes away every change, while
// read-only and upload-only are named after what they leave. Any other name is an error.
func ParsePerm(name string) (paradise.Perm, error) {
	p, ok := perms[name]
	if !ok {
		return 0, fmt.Errorf("webhook: unknown permission %.40q", name)
	}
	return p, nil
}
