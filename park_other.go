//go:build !linux

package paradise

import (
	"errors"
	"syscall"
)

// parker is for platforms where an idle session needs no goroutine.
type parker[S sleeper] struct{}

func newParker[S sleeper](func(id uint64) (S, bool)) *parker[S] { return nil }

func (*parker[S]) close() {}

func (*parker[S]) add(S, uint64, syscall.RawConn) error { return errors.ErrUnsupported }

func (*parker[S]) unpark(S) {}
