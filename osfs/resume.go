package osfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/paradiseftp/paradise"
)

// wholeFile stands for all of a file in copyOld.
const wholeFile = -1

// copyStep bounds one copy, so that an abort is noticed.
const copyStep = 64 << 20

// copyOld copies the first n bytes of the old version to the temporary, by
// shared blocks or inside the kernel where the file system can.
func (u *upload) copyOld(ctx context.Context, n int64) error {
	src, old, err := u.dir.openFile(u.base, os.O_RDONLY)
	if err != nil {
		return as(paradise.ErrBusy, err, fs.ErrNotExist, errLink) // it was there at Store
	}
	defer src.Close()
	if n == wholeFile {
		n = old.size
	}
	if n > old.size {
		return fmt.Errorf("osfs: offset %d of %q: %w", n, u.base, paradise.ErrBadOffset)
	}
	u.old = old
	if err := u.copyFrom(ctx, src, n); err != nil {
		return err
	}
	u.head = n
	return nil
}

// copyFrom appends n bytes of src to the temporary.
func (u *upload) copyFrom(ctx context.Context, src *os.File, n int64) error {
	for n > 0 {
		if err := paradise.Step(ctx); err != nil {
			return err
		}
		m, err := io.CopyN(u.temp.f, src, min(n, copyStep))
		u.grew(m)
		n -= m
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("osfs: %q shrank while it was copied: %w", u.base, paradise.ErrBusy)
		}
		if err != nil {
			return mapError(err)
		}
	}
	return nil
}

// catchUp makes the temporary old + data for the old version as it is now,
// however often it was replaced since Begin copied it.
func (u *upload) catchUp(ctx context.Context) error {
	const maxTries = 10
	for range maxTries {
		now, err := u.dir.lstat(u.base)
		gone := errors.Is(err, fs.ErrNotExist)
		switch {
		case err != nil && !gone:
			return mapError(err)
		case gone && !u.exists, !gone && u.exists && unchanged(now, u.old):
			return nil
		}
		if err := u.rebuild(ctx, !gone); err != nil {
			return err
		}
	}
	return fmt.Errorf("osfs: %q keeps changing: %w", u.base, paradise.ErrBusy)
}

// rebuild makes a new temporary of the present old version and the data that
// came.
func (u *upload) rebuild(ctx context.Context, exists bool) error {
	prior, head, size := u.temp, u.head, u.size
	next, err := u.d.newTemp(u.dir, u.folder)
	if err != nil {
		return err
	}
	u.temp, u.head, u.size, u.flushed, u.exists = next, 0, 0, 0, exists
	defer prior.discard()
	if exists {
		if err := u.copyOld(ctx, wholeFile); err != nil {
			return err
		}
	}
	if _, err := prior.f.Seek(head, io.SeekStart); err != nil {
		return mapError(err)
	}
	if err := u.copyFrom(ctx, prior.f, size-head); err != nil {
		return err
	}
	return u.finish()
}
