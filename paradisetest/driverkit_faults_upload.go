package paradisetest

import (
	"context"
	"io"

	"github.com/paradiseftp/paradise"
)

// faultyReader hides File and WriteTo of the reader that it wraps, so that every byte
// goes through Read.
type faultyReader struct {
	f     *Faults
	inner io.ReadCloser
	ctx   context.Context // the context of Open
}

func (r *faultyReader) Read(p []byte) (int, error) {
	if err := r.f.step(r.ctx, "Reader.Read"); err != nil {
		return 0, err
	}
	return r.inner.Read(p)
}

func (r *faultyReader) Close() error {
	var closed error
	if err := r.f.ending(r.ctx, "Reader.Close", func() { closed = r.inner.Close() }); err != nil {
		return err
	}
	return closed
}

type faultyUpload struct {
	f     *Faults
	inner paradise.Upload
	ctx   context.Context // the context of Store
}

func (u *faultyUpload) Begin(ctx context.Context, info paradise.UploadInfo) error {
	if err := u.f.step(ctx, "Upload.Begin"); err != nil {
		return err
	}
	return u.inner.Begin(ctx, info)
}

func (u *faultyUpload) Write(p []byte) (int, error) {
	const op = "Upload.Write"
	if u.f.Kind == FaultShortWrite {
		if _, due := u.f.due(op); due {
			return u.inner.Write(p[:len(p)/2])
		}
		return u.inner.Write(p)
	}
	if err := u.f.step(u.ctx, op); err != nil {
		return 0, err
	}
	return u.inner.Write(p)
}

func (u *faultyUpload) Commit(ctx context.Context) error {
	if err := u.f.step(ctx, "Upload.Commit"); err != nil {
		return err
	}
	return u.inner.Commit(ctx)
}

func (u *faultyUpload) Abort(ctx context.Context, cause error) {
	_ = u.f.ending(ctx, "Upload.Abort", func() { u.inner.Abort(ctx, cause) })
}
