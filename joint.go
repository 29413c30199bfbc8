package paradise

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
)

// joint is a file made of others: by COMB, and by COPY where the storage does not copy
// by itself. It is a transaction like an upload, and held to the same rules.
type joint struct {
	x      *xfer
	files  FileDriver
	s      *Session
	target string
	parts  []string
	opts   StoreOptions

	versions []string // of parts, as they were read
	came     []byte   // first bytes of the parts
	judged   []byte   // first bytes of the whole, as they were let in
	size     int64    // of the parts
}

// copy leaves the work to the storage if it can, also to hold all that the policy asks.
func (j *joint) copy() error {
	o := CopyOptions{NoReplace: j.opts.Exclusive}
	if j.s.Policy.restrictsContent() || j.x.c.env.acceptUpload != nil {
		o.Accept = j.accept
	}
	if !j.opts.Existing {
		if err := j.files.Copy(j.x.stepping(), j.s, j.parts[0], j.target, o); !isUnsupported(err) {
			return err
		}
	}
	e, err := j.files.Stat(j.x.ctx, j.s, j.parts[0])
	if err == nil && e.IsDir() {
		return ErrIsDir
	}
	return j.run()
}

// restrictsContent reports whether a file may be refused for what it holds.
func (p *Policy) restrictsContent() bool {
	g := &p.Gate
	return p.MaxFileSize > 0 || len(g.Allow) > 0 || len(g.Deny) > 0 || g.RefuseEmpty || g.MatchExtension
}

// run reads the parts into one upload and commits it.
func (j *joint) run() (err error) {
	j.opts.Accept = j.accept
	up, err := j.files.Store(j.x.ctx, j.s, j.target, j.opts)
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			up.Abort(context.WithoutCancel(j.x.ctx), cmp.Or(err, errPanic))
		}
	}()
	src := &partsReader{j: j}
	defer src.Close()
	if err := j.write(up, src); err != nil {
		return err
	}
	if !j.opts.Append { // what builds on an old file only the storage can show
		if err := j.accept(j.judged, j.size); err != nil {
			return err
		}
	}
	if err := j.x.commitNow(); err != nil {
		return err
	}
	if err := up.Commit(j.x.ctx); err != nil {
		return err
	}
	done = true
	return nil
}

// write looks at the first bytes before the storage sees any.
func (j *joint) write(up Upload, src io.Reader) error {
	head := make([]byte, j.x.c.env.sniffLen)
	n, err := io.ReadFull(src, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	info, err := j.look(head[:n], err != nil)
	if err != nil {
		return err
	}
	if err := up.Begin(j.x.ctx, info); err != nil {
		return err
	}
	const class = len(bufferSizes) - 1
	buf := getBuffer(class)
	defer putBuffer(class, buf)
	for part := head[:n]; ; {
		if err := j.add(up, part); err != nil {
			return err
		}
		n, err := src.Read(*buf)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		part = (*buf)[:n]
	}
}

func (j *joint) look(head []byte, whole bool) (UploadInfo, error) {
	j.came, j.judged = bytes.Clone(head), head
	info := UploadInfo{Head: head, Whole: whole && !j.opts.Append}
	if j.opts.Append {
		old, err := headOf(j.x.ctx, j.files, j.s, j.target, j.x.c.env.sniffLen)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !isUnsupported(err) {
			return info, err
		}
		both := append(old, head...)
		j.judged = both[:min(len(both), j.x.c.env.sniffLen)]
	}
	return info, j.x.judge(j.s, j.target, &info, j.judged)
}

func (j *joint) add(up Upload, p []byte) error {
	j.size += int64(len(p))
	if limit := j.s.Policy.MaxFileSize; limit > 0 && j.size > limit {
		return ErrTooLarge
	}
	n, err := up.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// accept is asked about the whole when it is about to appear. The parts must be what
// was read of them: otherwise the whole is of no moment at which others looked.
func (j *joint) accept(head []byte, size int64) error {
	if limit := j.s.Policy.MaxFileSize; limit > 0 && size > limit {
		return ErrTooLarge
	}
	for i := range j.versions {
		err := j.unchanged(i)
		if errors.Is(err, fs.ErrNotExist) {
			err = ErrBusy
		}
		if err != nil {
			return err
		}
	}
	head = head[:min(len(head), j.x.c.env.sniffLen)]
	if j.judged != nil && bytes.Equal(head, j.judged) {
		return nil
	}
	info := UploadInfo{Head: j.came}
	if j.judged == nil { // the storage copies by itself
		info = UploadInfo{Head: head, Whole: size == int64(len(head))}
	}
	err := j.x.judge(j.s, j.target, &info, head)
	if err == nil {
		j.judged = bytes.Clone(head)
	}
	return err
}

// unchanged is nil if a part is what was read, as far as the storage tells.
func (j *joint) unchanged(part int) error {
	e, err := j.files.Stat(j.x.ctx, j.s, j.parts[part])
	if isUnsupported(err) {
		return nil
	}
	if err == nil && e.Version != j.versions[part] {
		err = ErrBusy
	}
	return err
}

// removeParts ends COMB. The join stands whatever happens, and a client that saw
// an error would join once more, so parts that remain are told and logged.
func (j *joint) removeParts() reply {
	r := say(250, "Files joined")
	for i, part := range j.parts {
		err := j.unchanged(i) // what came in its place is not ours to remove
		if err == nil {
			err = j.files.Remove(j.x.ctx, j.s, part)
		}
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

// partsReader reads one part after the other.
type partsReader struct {
	j   *joint
	now io.ReadCloser
}

func (r *partsReader) Read(p []byte) (int, error) {
	j := r.j
	for {
		if err := j.x.ctx.Err(); err != nil {
			return 0, err
		}
		if r.now == nil {
			next := len(j.versions)
			if next == len(j.parts) {
				return 0, io.EOF
			}
			if err := r.open(j.parts[next]); err != nil {
				return 0, err
			}
		}
		n, err := r.now.Read(p)
		if err == io.EOF {
			r.Close()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// open notes the version first: a file that comes in between is found out later.
func (r *partsReader) open(name string) error {
	e, err := r.j.files.Stat(r.j.x.ctx, r.j.s, name)
	if err != nil && !isUnsupported(err) {
		return err
	}
	f, err := r.j.files.Open(r.j.x.ctx, r.j.s, name, 0)
	if err != nil {
		return err
	}
	r.j.versions = append(r.j.versions, e.Version)
	r.now = f
	return nil
}

func (r *partsReader) Close() error {
	if r.now == nil {
		return nil
	}
	f := r.now
	r.now = nil
	return f.Close()
}
