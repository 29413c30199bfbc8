package paradise

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// StreamUpload makes an [Upload] of a function that reads, so that a driver for
// an HTTP endpoint, an object store or a queue is about 30 lines.
//
// put runs on a goroutine of its own from Begin on. r ends with io.EOF only when
// the upload is complete and Commit was called; on Abort it fails with the
// cause, and ctx is cancelled. What put returns is what Commit returns. A put
// that returns early ends the upload: with an error, Write returns it; without
// one, the rest is taken to be unwanted and Commit succeeds. A panic in put
// becomes an error.
//
// ctx is the one given to Store.
func StreamUpload(ctx context.Context, put func(ctx context.Context, u UploadInfo, r io.Reader) error) Upload {
	ctx, cancel := context.WithCancelCause(ctx)
	return &streamUpload{ctx: ctx, cancel: cancel, put: put}
}

type streamUpload struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	put    func(ctx context.Context, u UploadInfo, r io.Reader) error
	w      *io.PipeWriter
	done   chan struct{}
	err    error // of put; valid once done is closed
}

var errPutReturned = errors.New("paradise: put returned")

func (s *streamUpload) Begin(_ context.Context, u UploadInfo) error {
	r, w := io.Pipe()
	s.w, s.done = w, make(chan struct{})
	u.Head = append([]byte(nil), u.Head...)
	stop := context.AfterFunc(s.ctx, func() { w.CloseWithError(context.Cause(s.ctx)) })
	go func() {
		defer close(s.done)
		defer stop()
		s.err = s.call(u, r)
		r.CloseWithError(errPutReturned)
	}()
	return nil
}

func (s *streamUpload) call(u UploadInfo, r io.Reader) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("paradise: panic in put: %v", p)
		}
	}()
	return s.put(s.ctx, u, r)
}

func (s *streamUpload) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if !errors.Is(err, errPutReturned) {
		return n, err
	}
	<-s.done
	if s.err != nil {
		return n, s.err
	}
	return len(p), nil
}

// Commit gives put its io.EOF and waits for what it says: once put has seen the
// end it may have published the file, so nothing else can be the answer.
func (s *streamUpload) Commit(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.w.Close()
	stop := context.AfterFunc(ctx, func() { s.cancel(context.Cause(ctx)) })
	defer stop()
	<-s.done
	return s.err
}

// Abort waits for put, so that nothing of the upload goes on behind the core's
// back.
func (s *streamUpload) Abort(ctx context.Context, cause error) {
	s.cancel(cause)
	if s.w == nil {
		return
	}
	s.w.CloseWithError(cause)
	select {
	case <-s.done:
	case <-ctx.Done():
	}
}
