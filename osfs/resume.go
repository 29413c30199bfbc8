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
		return as(paradise.ErrBusy, err, errLink)
	}
	u.src, u.old = src, old
	if n == wholeFile {
		n = old.size
	}
	if n > old.size {
		return fmt.Errorf("osfs: offset %d of %q: %w", n, u.base, paradise.ErrBadOffset)
	}
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

// join publishes old + data for the old version as it is at that moment, however
// often it was replaced since Begin copied it. With an offset the client goes on from
// what it knows, so there another version is refused.
func (u *upload) join(ctx context.Context) error {
	key := u.key() // those who append to one name need not find out from one another
	if err := u.d.commits.Lock(ctx, key); err != nil {
		return err
	}
	defer u.d.commits.Unlock(key)
	for {
		if err := accepted(u.o.Accept, u.temp.f, u.size); err != nil {
			return err
		}
		changed, err := u.tryJoin(ctx)
		if !changed {
			return err
		}
		if u.o.Offset > 0 {
			return fmt.Errorf("osfs: %q was changed meanwhile: %w", u.base, paradise.ErrBusy)
		}
		if err := u.rebuild(ctx); err != nil {
			return err
		}
	}
}

// tryJoin publishes unless the old version is another one than the temporary begins
// with. The core is asked again, and answers at once, as what it looks at beside the
// file may have changed too.
func (u *upload) tryJoin(ctx context.Context) (changed bool, err error) {
	h, err := u.d.alone(ctx, u.dir)
	if err != nil {
		return false, err
	}
	defer h.release()
	if err := u.d.found(u.dir); err != nil {
		return false, err
	}
	now, err := u.dir.lstat(u.base)
	gone := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !gone:
		return false, mapError(err)
	case gone && u.o.Existing:
		return false, fmt.Errorf("osfs: %q: %w", u.base, fs.ErrNotExist)
	case !gone && u.o.Exclusive:
		return false, fmt.Errorf("osfs: %q: %w", u.base, fs.ErrExist)
	case gone != (u.src == nil), !gone && !unchanged(now, u.old):
		return true, nil
	}
	if err := accepted(u.o.Accept, u.temp.f, u.size); err != nil {
		return false, err
	}
	err = u.temp.publish(u.base, gone)
	return gone && errors.Is(err, fs.ErrExist), err // another program's file
}

// rebuild makes a new temporary of the present old version, if there is one, and the
// data that came.
func (u *upload) rebuild(ctx context.Context) error {
	prior, head, size := u.temp, u.head, u.size
	next, err := u.d.newTemp(u.dir, u.folder)
	if err != nil {
		return err
	}
	u.closeSource()
	u.temp, u.head, u.size, u.flushed = next, 0, 0, 0
	defer prior.discard()
	err = u.copyOld(ctx, wholeFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	u.exists = u.src != nil
	if _, err := prior.f.Seek(head, io.SeekStart); err != nil {
		return mapError(err)
	}
	if err := u.copyFrom(ctx, prior.f, size-head); err != nil {
		return err
	}
	return u.finish()
}
