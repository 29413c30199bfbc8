package quota

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/paradiseftp/paradise"
)

// scanDepth bounds how deep a scan goes, and so what it holds open: one listing
// per level.
const scanDepth = 64

// scan adds up the regular files that a session can see. It holds no list of
// them. A driver without List has nothing to count.
func scan(ctx context.Context, d paradise.FileDriver, s *paradise.Session) (Usage, error) {
	var u Usage
	err := scanFolder(ctx, d, s, "/", 0, &u)
	if errors.Is(err, errors.ErrUnsupported) {
		return Usage{}, nil
	}
	return u, err
}

func scanFolder(ctx context.Context, d paradise.FileDriver, s *paradise.Session, dir string, depth int, u *Usage) error {
	if depth > scanDepth {
		return fmt.Errorf("quota: %q lies deeper than %d folders", dir, scanDepth)
	}
	entries, err := d.List(ctx, s, dir)
	if err != nil {
		return fmt.Errorf("quota: counting %q: %w", dir, err)
	}
	for e, err := range entries {
		switch {
		case err != nil:
			return fmt.Errorf("quota: counting %q: %w", dir, err)
		case e.IsDir():
			if err := scanFolder(ctx, d, s, path.Join(dir, e.Name), depth+1, u); err != nil {
				return err
			}
		case e.Mode.IsRegular():
			u.Files++
			u.Bytes += max(e.Size, 0)
		}
	}
	return ctx.Err()
}
