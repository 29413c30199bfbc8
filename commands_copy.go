package paradise

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// combRoom bounds the names of one COMB, in bytes: a line of short names becomes
// much longer in a deep folder.
const combRoom = 256 << 10

// cmdComb joins uploaded parts into one file, as one transaction: the target is
// there whole or not at all, and the parts go only when it is.
func cmdComb(c *conn, arg string) reply {
	words, ok := quotedWords(arg)
	if !ok || len(words) < 2 {
		return say(501, `Syntax: COMB "target" "part" ["part" ...]`)
	}
	names, room := make([]string, len(words)), combRoom
	for i, w := range words {
		name, err := c.changeable(w)
		if err != nil {
			return badName(err)
		}
		if room -= len(name); room < 0 {
			return say(501, "Too many names")
		}
		names[i] = name
	}
	if !c.mayName(names[0]) {
		return badName(ErrBadName)
	}
	exists, twice := c.sameFiles(names)
	switch {
	case twice:
		return say(501, "A file is named twice")
	case exists && c.facts().Policy.Deny&PermOverwrite != 0:
		return say(550, "Permission denied: the name is taken")
	}
	s, files := c.facts(), c.files()
	target, parts := names[0], names[1:]
	return reply{job: &job{verb: "COMB", name: target, run: func(x *xfer) reply {
		files := x.watched(files)
		if err := copyFiles(x, files, s, target, parts, StoreOptions{Append: exists}); err != nil {
			return replyFor(x.reason(err), 502)
		}
		r := removeParts(x, files, s, parts)
		c.changed("COMB", target, parts[0])
		return r
	}}}
}

// sameFiles reports whether the first name is taken, and whether two of them lead
// to one file, by way of a link or another letter case: a target that is a part too
// would be removed as one.
func (c *conn) sameFiles(names []string) (exists, twice bool) {
	var found []Entry
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return false, true
		}
		e, err := c.watched().Stat(c.ctx, c.facts(), name)
		if err != nil {
			continue // a part that is missing fails the join
		}
		exists = exists || i == 0
		e.Name = name
		if slices.ContainsFunc(found, func(f Entry) bool { return sameFile(f, e) }) {
			return exists, true
		}
		found = append(found, e)
	}
	return exists, false
}

// sameFile compares by identity where the storage tells it.
func sameFile(a, b Entry) bool {
	if a.Unique == "" || b.Unique == "" {
		return strings.EqualFold(a.Name, b.Name)
	}
	return a.Unique == b.Unique
}

// removeParts ends COMB. The join stands whatever happens, and a client that saw
// an error would join once more, so parts that remain are told and logged.
func removeParts(x *xfer, files FileDriver, s *Session, parts []string) reply {
	r := say(250, "Files joined")
	for _, part := range parts {
		err := files.Remove(x.ctx, s, part)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if r.err == nil {
			r.text += ", but not removed:"
		}
		r.text += " " + quotePath(part)
		r.err = errors.Join(r.err, err)
	}
	return r
}

// quotedWords splits at spaces. Words may stand in double quotes, those within
// doubled, as our own replies have them.
func quotedWords(s string) ([]string, bool) {
	var words []string
	for s = strings.TrimLeft(s, " "); s != ""; s = strings.TrimLeft(s, " ") {
		word, rest, _ := strings.Cut(s, " ")
		if s[0] == '"' {
			var closed bool
			if word, rest, closed = unquote(s[1:]); !closed {
				return nil, false
			}
		}
		words, s = append(words, word), rest
	}
	return words, true
}

// unquote takes a word up to the quote that ends it.
func unquote(s string) (word, rest string, closed bool) {
	for {
		before, after, found := strings.Cut(s, `"`)
		word += before
		if !found {
			return "", "", false
		}
		if s, found = strings.CutPrefix(after, `"`); !found {
			return word, after, true
		}
		word += `"`
	}
}

// copyFiles writes the contents of files into one upload and commits it.
func copyFiles(x *xfer, files FileDriver, s *Session, to string, from []string, o StoreOptions) (err error) {
	up, err := files.Store(x.ctx, s, to, o)
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			up.Abort(context.WithoutCancel(x.ctx), cmp.Or(err, errPanic))
		}
	}()
	if err := up.Begin(x.ctx, UploadInfo{}); err != nil {
		return err
	}
	w := io.Writer(up)
	if room := s.Policy.MaxFileSize; room > 0 {
		if o.Append {
			old, err := files.Stat(x.ctx, s, to)
			if err != nil {
				return err
			}
			room -= max(old.Size, 0)
		}
		w = &boundedWriter{up, room}
	}
	for _, name := range from {
		if err := copyInto(x, files, s, w, name); err != nil {
			return err
		}
	}
	if err := x.commitNow(); err != nil {
		return err
	}
	if err := up.Commit(x.ctx); err != nil {
		return err
	}
	done = true
	return nil
}

// boundedWriter fails before it passes on more than there is room for.
type boundedWriter struct {
	w    io.Writer
	room int64
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > b.room {
		return 0, ErrTooLarge
	}
	b.room -= int64(len(p))
	return b.w.Write(p)
}

func copyInto(x *xfer, files FileDriver, s *Session, to io.Writer, name string) error {
	src, err := files.Open(x.ctx, s, name, 0)
	if err != nil {
		return err
	}
	defer src.Close()
	const class = len(bufferSizes) - 1
	buf := getBuffer(class)
	defer putBuffer(class, buf)
	for {
		n, rerr := src.Read(*buf)
		if n > 0 {
			k, werr := to.Write((*buf)[:n])
			if werr == nil && k < n {
				werr = io.ErrShortWrite
			}
			if werr != nil {
				return werr
			}
		}
		if rerr == io.EOF {
			return nil
		}
		if rerr != nil {
			return rerr
		}
		if err := x.ctx.Err(); err != nil {
			return err
		}
	}
}
