package osfs

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/paradiseftp/paradise"
)

// inPlace is an upload that writes into the file itself: what InPlaceResume
// asks for. It never uses O_APPEND, which rules out the kernel's fast paths.
type inPlace struct {
	*upload
	f     *os.File
	start int64 // where the new data begins
	wrote bool
}

func newInPlace(u *upload) (paradise.Upload, error) {
	how := os.O_WRONLY
	if u.o.Accept != nil {
		how = os.O_RDWR
	}
	f, now, err := u.dir.openFile(u.base, how)
	if err != nil {
		u.release()
		return nil, as(paradise.ErrBusy, err, errLink)
	}
	u.old = now
	p := &inPlace{upload: u, f: f, start: u.o.Offset}
	if u.o.Append {
		p.start = now.size
	}
	if p.start > now.size {
		err = paradise.ErrBadOffset
	} else {
		_, err = f.Seek(p.start, io.SeekStart)
	}
	if err != nil {
		p.release()
		return nil, mapError(err)
	}
	u.size, u.flushed = p.start, p.start
	return p, nil
}

func (p *inPlace) Begin(context.Context, paradise.UploadInfo) error { return nil }

// File: nobody may write past this upload's own count.
func (p *inPlace) File() *os.File { return nil }

func (p *inPlace) Write(b []byte) (int, error) {
	if p.ctx.Err() != nil {
		return 0, context.Cause(p.ctx)
	}
	p.wrote = true
	n, err := p.f.Write(b)
	p.size += int64(n)
	if p.d.opts.Durable && p.size-p.flushed >= writebackStep {
		p.d.sync.writeback(p.f, p.flushed, p.size-p.flushed)
		p.flushed = p.size
	}
	return n, mapError(err)
}

func (p *inPlace) Commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h, err := p.d.alone(ctx, p.dir)
	if err != nil {
		return err
	}
	defer h.release()
	if err := p.d.found(p.dir); err != nil {
		return err
	}
	if now, err := p.dir.lstat(p.base); err != nil || !sameFile(now, p.old) {
		return fmt.Errorf("osfs: %q was replaced meanwhile: %w", p.base, paradise.ErrBusy)
	}
	if err := accepted(p.o.Accept, p.f, p.size); err != nil {
		return err
	}
	if p.size < p.old.size {
		if err := p.f.Truncate(p.size); err != nil {
			return mapError(err)
		}
	}
	if p.d.opts.Durable {
		if err := p.d.sync.data(p.f); err != nil {
			return mapError(err)
		}
	}
	f := p.f
	p.f = nil
	if err := f.Close(); err != nil {
		return mapError(fmt.Errorf("osfs: the end of an upload: %w", err))
	}
	p.upload.release()
	return nil
}

// Abort cuts the file back to its old length.
func (p *inPlace) Abort(context.Context, error) {
	if p.wrote && p.f != nil && p.size > p.old.size {
		_ = p.f.Truncate(p.old.size)
	}
	p.release()
}

func (p *inPlace) release() {
	if p.f != nil {
		p.f.Close()
		p.f = nil
	}
	p.upload.release()
}
