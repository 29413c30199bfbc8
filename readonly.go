package paradise

import (
	"context"
	"io"
)

// ReadOnly is d with nothing but reading: Stat, List and Open. It is an
// allow-list, so methods that d may get later are refused too.
func ReadOnly(d FileDriver) FileDriver { return readOnly{d: d} }

type readOnly struct {
	UnimplementedFileDriver
	d FileDriver
}

func (r readOnly) Features(s *Session) Features {
	return r.d.Features(s) & (FeatureRange | FeatureLinks)
}

func (r readOnly) Stat(ctx context.Context, s *Session, name string) (Entry, error) {
	e, err := r.d.Stat(ctx, s, name)
	if err == nil {
		e.Deny |= PermWrites
	}
	return e, err
}

func (r readOnly) List(ctx context.Context, s *Session, dir string) (Listing, error) {
	l, err := r.d.List(ctx, s, dir)
	if err != nil || l == nil {
		return nil, err
	}
	return func(yield func(Entry, error) bool) {
		for e, err := range l {
			e.Deny |= PermWrites
			if !yield(e, err) {
				return
			}
		}
	}, nil
}

func (r readOnly) Open(ctx context.Context, s *Session, name string, offset int64) (io.ReadCloser, error) {
	return r.d.Open(ctx, s, name, offset)
}
