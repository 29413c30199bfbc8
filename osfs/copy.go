package osfs

import (
	"context"

	"github.com/paradiseftp/paradise"
)

// Copy is an upload whose bytes come from another file.
func (d *folder) Copy(ctx context.Context, s *paradise.Session, from, to string, o paradise.CopyOptions) error {
	src, i, err := d.open(from)
	if err != nil {
		return mapError(err)
	}
	defer src.Close()
	if err := paradise.Step(ctx); err != nil {
		return err
	}
	up, err := d.Store(ctx, s, to, paradise.StoreOptions{Exclusive: o.NoReplace, Accept: o.Accept})
	if err != nil {
		return err
	}
	u := up.(*upload)
	if err := u.copyFrom(ctx, src, i.size); err != nil {
		u.release()
		return err
	}
	if err := u.Commit(ctx); err != nil {
		u.release()
		return err
	}
	return nil
}
