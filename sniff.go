package paradise

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

func (srv *Server) sniffLen() int {
	if srv.SniffLen == 0 {
		return 512
	}
	return srv.SniffLen
}

// look detects the type of the resulting file and lets the gate and the host
// program decide.
func (u *upload) look(head []byte, whole bool) (UploadInfo, error) {
	info := UploadInfo{Head: head, Whole: whole && !u.joins()}
	first, err := u.resultingHead(head)
	if err != nil {
		return info, err
	}
	if u.joins() {
		u.came, u.judged = bytes.Clone(head), bytes.Clone(first)
	}
	return info, u.judge(&info, first)
}

// judge completes info by the type of a file that begins with first, and asks
// whether it is let in.
func (u *upload) judge(info *UploadInfo, first []byte) error {
	info.ContentType, info.Ancestors = detect(first)
	err := u.s.Policy.Gate.admits(u.name, *info, len(first) == 0)
	if accept := u.x.c.srv.AcceptUpload; err == nil && accept != nil {
		err = acceptError(accept(u.x.ctx, u.s, u.name, *info))
	}
	if err != nil {
		u.x.c.srv.state.counters.refuse(refusedContent)
	}
	return err
}

// acceptError makes a refusal of any error: it is the host program's word.
func acceptError(err error) error {
	if err == nil || replyFor(err, 502).code != 451 {
		return err
	}
	return &ReplyError{Code: 550, Text: "File not accepted", Err: err}
}

// resultingHead is the head of the file as it will be: with an offset the old
// bytes come first.
func (u *upload) resultingHead(head []byte) ([]byte, error) {
	if !u.joins() {
		return head, nil
	}
	want := u.x.c.srv.sniffLen()
	if !u.opts.Append {
		want = int(min(int64(want), u.opts.Offset))
	}
	u.x.guard()
	defer u.x.unguard()
	old, err := u.files.Open(u.x.ctx, u.s, u.name, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return head, nil
	}
	if errors.Is(err, errUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer old.Close()
	buf := make([]byte, want, want+len(head))
	n, err := io.ReadFull(old, buf)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	both := append(buf[:n], head...)
	return both[:min(len(both), u.x.c.srv.sniffLen())], nil
}

// detect names the type of a file that begins with head, and its ancestors.
func detect(head []byte) (string, []string) {
	if len(head) == 0 {
		return "", nil
	}
	m := mimetype.Detect(head)
	name := bareType(m.String())
	var ancestors []string
	for p := m.Parent(); p != nil; p = p.Parent() {
		ancestors = append(ancestors, bareType(p.String()))
	}
	return name, ancestors
}

func bareType(t string) string {
	t, _, _ = strings.Cut(t, ";")
	return t
}

const (
	octetStream = "application/octet-stream"
	svgType     = "image/svg+xml"
)

// admits applies the rules to a file whose first bytes are known.
func (g *Gate) admits(name string, info UploadInfo, empty bool) error {
	base := path.Base(name)
	switch {
	case !g.admitsName(base):
		return ErrBadName
	case empty && g.RefuseEmpty:
		return &ReplyError{Code: 550, Text: "Empty files are not accepted", Err: ErrBadType}
	case empty && info.ContentType == "" && info.Whole:
		return nil
	case len(g.Allow) > 0 && !allows(g.Allow, info), denies(g.Deny, info):
		return refuseType(info.ContentType)
	case g.MatchExtension && !extensionFits(base, info):
		return &ReplyError{Code: 550, Text: "File name does not fit its content, " + typeName(info.ContentType), Err: ErrBadType}
	}
	return nil
}

// admitsName applies the rules on names, for the last element of one. A malformed
// pattern lets nothing in.
func (g *Gate) admitsName(base string) bool {
	named := func(p string) bool { ok, err := path.Match(p, base); return ok && err == nil }
	denied := func(p string) bool { ok, err := path.Match(p, base); return ok || err != nil }
	return (len(g.Names) == 0 || slices.ContainsFunc(g.Names, named)) && !slices.ContainsFunc(g.DenyNames, denied)
}

func refuseType(t string) error {
	return &ReplyError{Code: 550, Text: "File type " + typeName(t) + " is not accepted", Err: ErrBadType}
}

func typeName(t string) string {
	if t == "" {
		return "unknown"
	}
	return t
}

// allows matches the type or an ancestor. Everything descends from
// application/octet-stream, so that one matches only itself; SVG carries
// scripts and must be named.
func allows(list []string, info UploadInfo) bool {
	for i, t := range append([]string{info.ContentType}, info.Ancestors...) {
		if t == "" || t == octetStream && i > 0 {
			continue
		}
		for _, p := range list {
			if typeMatches(p, t) && (info.ContentType != svgType || p == svgType) {
				return true
			}
		}
	}
	return false
}

func denies(list []string, info UploadInfo) bool {
	for _, t := range append([]string{info.ContentType}, info.Ancestors...) {
		if slices.ContainsFunc(list, func(p string) bool { return typeMatches(p, t) }) {
			return true
		}
	}
	return false
}

func typeMatches(pattern, t string) bool {
	pattern = strings.ToLower(pattern)
	if family, ok := strings.CutSuffix(pattern, "/*"); ok {
		return family == "*" || strings.HasPrefix(t, family+"/")
	}
	return pattern == t
}

// extensionTypes are extensions whose content can be told from its first bytes.
// Office files are zip archives as far as 512 bytes tell.
var extensionTypes = map[string][]string{
	"jpg": {"image/jpeg"}, "jpeg": {"image/jpeg"}, "png": {"image/png"}, "gif": {"image/gif"}, "bmp": {"image/bmp"},
	"tif": {"image/tiff"}, "tiff": {"image/tiff"}, "webp": {"image/webp"}, "svg": {svgType}, "pdf": {"application/pdf"},
	"zip": {"application/zip"}, "gz": {"application/gzip"}, "7z": {"application/x-7z-compressed"}, "rar": {"application/x-rar-compressed"},
	"docx": {"application/zip"}, "xlsx": {"application/zip"}, "pptx": {"application/zip"},
	"exe": {"application/vnd.microsoft.portable-executable"}, "dll": {"application/vnd.microsoft.portable-executable"},
	"mp4": {"video/mp4", "video/quicktime"}, "mov": {"video/quicktime"}, "avi": {"video/x-msvideo"}, "mkv": {"video/x-matroska"}, "webm": {"video/webm"},
	"mp3": {"audio/mpeg"}, "wav": {"audio/wav"}, "flac": {"audio/flac"}, "ogg": {"application/ogg"},
	"xml": {"text/xml"}, "html": {"text/html"}, "htm": {"text/html"}, "json": {"application/json", "text/plain"}, "csv": {"text/csv", "text/plain"}, "txt": {"text/plain"},
}

// extensionFits is true for extensions that say nothing.
func extensionFits(name string, info UploadInfo) bool {
	want := extensionTypes[strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))]
	if want == nil {
		return true
	}
	return slices.ContainsFunc(append([]string{info.ContentType}, info.Ancestors...), func(t string) bool {
		return slices.Contains(want, t)
	})
}
