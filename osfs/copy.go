package osfs

import (
	"context"
	"fmt"
	"os"

	"github.com/paradiseftp/paradise"
)

// copies is how often a file is copied that others change meanwhile. One that is written
// all the time, as a log, would be copied for ever.
const copies = 3

// Copy is an upload whose bytes come from another file. It is done again where that
// was changed meanwhile, so that it is one step to those who look.
func (d *folder) Copy(ctx context.Context, s *paradise.Session, from, to string, o paradise.CopyOptions) error {
	t, err := d.target(from)
	if err != nil {
		return err
	}
	defer t.dir.close()
	if err := paradise.Step(ctx); err != nil {
		return err
	}
	for range copies {
		changed, err := d.copyOnce(ctx, s, &t, to, o)
		if !changed {
			return err
		}
	}
	return fmt.Errorf("osfs: %q was changed each time it was copied: %w", from, paradise.ErrBusy)
}

func (d *folder) copyOnce(ctx context.Context, s *paradise.Session, from *target, to string, o paradise.CopyOptions) (changed bool, err error) {
	src, i, err := from.dir.openFile(from.base, os.O_RDONLY)
	if err != nil {
		return false, mapError(err)
	}
	defer src.Close()
	up, err := d.Store(ctx, s, to, paradise.StoreOptions{Exclusive: o.NoReplace})
	if err != nil {
		return false, err
	}
	u := up.(*upload)
	defer u.release()
	if err := u.copyFrom(ctx, src, i.size); err != nil {
		return false, err
	}
	if err := u.finish(); err != nil {
		return false, err
	}
	if err := accepted(o.Accept, u.temp.f, u.size); err != nil {
		return false, err
	}
	changed, err = u.copied(ctx, from, i)
	if changed || err != nil {
		return changed, err
	}
	return false, u.syncFolder()
}

// copied publishes the copy unless the file it was made of is another one by now.
func (u *upload) copied(ctx context.Context, from *target, i info) (changed bool, err error) {
	h, err := u.d.alone(ctx, from.dir, u.dir)
	if err != nil {
		return false, err
	}
	defer h.release()
	now, err := from.dir.lstat(from.base)
	if err != nil || !unchanged(now, i) {
		return true, nil
	}
	if err := u.d.found(from.dir, u.dir); err != nil {
		return false, err
	}
	return false, u.temp.publish(u.base, u.o.Exclusive)
}
