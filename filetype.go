package paradise

import "github.com/paradiseftp/paradise/internal/mime"

// typeOf is what was detected, as the rules of a Gate need it.
func (info *UploadInfo) typeOf() mime.Type {
	return mime.Type{Name: info.ContentType, Ancestors: info.Ancestors}
}

// setType has info say what a file is that begins with head.
func (info *UploadInfo) setType(head []byte) {
	t := mime.Detect(head)
	info.ContentType, info.Ancestors = t.Name, t.Ancestors
}
