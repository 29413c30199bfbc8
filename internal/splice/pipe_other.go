//go:build !linux

package splice

import (
	"errors"
	"os"
	"syscall"
)

// pipe does not exist here.
type pipe struct{}

func newPipe() (*Pipe, error) { return nil, errors.ErrUnsupported }

func (p *Pipe) close() error { return nil }

func (p *Pipe) fill(syscall.RawConn, int) (int, error) { return 0, errors.ErrUnsupported }

func (p *Pipe) drain(*os.File) (int64, error) { return 0, errors.ErrUnsupported }

func (p *Pipe) read([]byte) (int, error) { return 0, errors.ErrUnsupported }
