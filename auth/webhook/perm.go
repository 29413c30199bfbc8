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

// ParsePerm returns what a name in an answer's deny stands for: list, read,
// create, overwrite, append, delete, rename, mkdir, rmdir, chmod, times, site;
// or several at once: writes, and by what they leave, read-only and
// upload-only.
func ParsePerm(name string) (paradise.Perm, error) {
	p, ok := perms[name]
	if !ok {
		return 0, fmt.Errorf("webhook: unknown permission %.40q", name)
	}
	return p, nil
}
