package paradise

import (
	"bytes"
	"context"
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
	return info, u.x.judge(u.s, u.name, &info, first)
}

// judge completes info by the type of a file that begins with first, and asks
// whether it may be published under a name.
func (x *xfer) judge(s *Session, name string, info *UploadInfo, first []byte) error {
	info.ContentType, info.Ancestors = detect(first)
	err := s.Policy.Gate.admits(name, *info, len(first) == 0)
	if accept := x.c.srv.AcceptUpload; err == nil && accept != nil {
		err = acceptError(accept(x.ctx, s, name, *info))
	}
	if err != nil {
		x.c.srv.state.counters.refuse(refusedContent)
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
	old, err := headOf(u.x.ctx, u.x.watched(u.files), u.s, u.name, want)
	if errors.Is(err, fs.ErrNotExist) {
		return head, nil
	}
	if errors.Is(err, errUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	both := slices.Concat(old, head)
	return both[:min(len(both), u.x.c.srv.sniffLen())], nil
}

// headOf reads the first bytes of a file, as many as want or as there are.
func headOf(ctx context.Context, files FileDriver, s *Session, name string, want int) ([]byte, error) {
	f, err := files.Open(ctx, s, name, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, want)
	n, err := io.ReadFull(f, buf)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	return buf[:n], nil
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
		return errExtension(info)
	}
	return nil
}

func errExtension(info UploadInfo) error {
	return &ReplyError{Code: 550, Text: "File name does not fit its content, " + typeName(info.ContentType), Err: ErrBadType}
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
