package paradise

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
)

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
	info.setType(first)
	err := s.Policy.Gate.admits(name, *info, len(first) == 0)
	if accept := x.c.env.acceptUpload; err == nil && accept != nil {
		err = acceptError(accept(x.ctx, s, name, *info))
	}
	if err != nil {
		x.c.env.counters.refuse(refusedContent)
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
	want := u.x.c.env.sniffLen
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
	return both[:min(len(both), u.x.c.env.sniffLen)], nil
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
	case len(g.Allow) > 0 && !info.typeOf().AllowedBy(g.Allow), info.typeOf().DeniedBy(g.Deny):
		return refuseType(info.ContentType)
	case g.MatchExtension && !info.typeOf().FitsExtension(base):
		return errExtension(info)
	}
	return nil
}

func errExtension(info UploadInfo) error {
	text := "File name does not fit its content, " + typeName(info.ContentType)
	return &ReplyError{Code: 550, Text: text, Err: ErrBadType}
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
