// Package mime tells what type a file has by its first bytes, and matches types against
// lists and file names. It is the only place that knows the library which detects.
package mime

import (
	"path"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// Type is a detected type. The zero Type is that of a file without bytes, or of one that
// nobody has looked at.
type Type struct {
	Name      string   // without parameters, in lower case: "text/html"
	Ancestors []string // more general ones, the nearest first: "text/plain", "application/octet-stream"
}

// Detect returns the type of a file that begins with head. A few hundred bytes tell most
// types; what has no type of its own is application/octet-stream.
func Detect(head []byte) Type {
	if len(head) == 0 {
		return Type{}
	}
	m := mimetype.Detect(head)
	t := Type{Name: bare(m.String())}
	for p := m.Parent(); p != nil; p = p.Parent() {
		t.Ancestors = append(t.Ancestors, bare(p.String()))
	}
	return t
}

// bare leaves the parameters out.
func bare(t string) string {
	t, _, _ = strings.Cut(t, ";")
	return t
}

const (
	octetStream = "application/octet-stream"
	svg         = "image/svg+xml"
)

// AllowedBy reports whether a list of allowed types has the type or one of its ancestors.
// A pattern is a type, a family ("image/*") or "*/*". Everything descends from
// application/octet-stream, so that one allows only itself. SVG carries scripts, so no
// pattern but its own name allows it. Nothing allows the zero Type.
func (t Type) AllowedBy(patterns []string) bool {
	if t.Name == svg {
		return slices.Contains(patterns, svg)
	}
	return t.any(func(name string, own bool) bool {
		return name != "" && (own || name != octetStream) && matchesAny(patterns, name)
	})
}

// DeniedBy reports whether a list of denied types, of the same patterns, has the type or
// any of its ancestors. "*/*" denies the zero Type too.
func (t Type) DeniedBy(patterns []string) bool {
	return t.any(func(name string, _ bool) bool { return matchesAny(patterns, name) })
}

// any reports whether f holds for the type itself, which is told it by own, or for an
// ancestor.
func (t Type) any(f func(name string, own bool) bool) bool {
	if f(t.Name, true) {
		return true
	}
	return slices.ContainsFunc(t.Ancestors, func(name string) bool { return f(name, false) })
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

func matches(pattern, name string) bool {
	pattern = strings.ToLower(pattern)
	if family, ok := strings.CutSuffix(pattern, "/*"); ok {
		return family == "*" || strings.HasPrefix(name, family+"/")
	}
	return pattern == name
}

// extensions are those whose content the first bytes tell. Office files are zip archives
// as far as 512 bytes tell.
var extensions = map[string][]string{
	"jpg": {"image/jpeg"}, "jpeg": {"image/jpeg"}, "png": {"image/png"}, "gif": {"image/gif"}, "bmp": {"image/bmp"},
	"tif": {"image/tiff"}, "tiff": {"image/tiff"}, "webp": {"image/webp"}, "svg": {svg},
	"pdf": {"application/pdf"}, "zip": {"application/zip"}, "gz": {"application/gzip"},
	"7z": {"application/x-7z-compressed"}, "rar": {"application/x-rar-compressed"},
	"docx": {"application/zip"}, "xlsx": {"application/zip"}, "pptx": {"application/zip"},
	"exe": {"application/vnd.microsoft.portable-executable"}, "dll": {"application/vnd.microsoft.portable-executable"},
	"mp4": {"video/mp4", "video/quicktime"}, "mov": {"video/quicktime"}, "avi": {"video/x-msvideo"},
	"mkv": {"video/x-matroska"}, "webm": {"video/webm"},
	"mp3": {"audio/mpeg"}, "wav": {"audio/wav"}, "flac": {"audio/flac"}, "ogg": {"application/ogg"},
	"xml": {"text/xml"}, "html": {"text/html"}, "htm": {"text/html"}, "json": {"application/json", "text/plain"},
	"csv": {"text/csv", "text/plain"}, "txt": {"text/plain"},
}

// FitsExtension reports whether a file of this name may have the type, or one of its
// ancestors. True where the name has no extension, or one that says nothing.
func (t Type) FitsExtension(name string) bool {
	want := extensions[strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))]
	return want == nil || t.any(func(name string, _ bool) bool { return slices.Contains(want, name) })
}
