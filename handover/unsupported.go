//go:build !unix

package handover

import (
	"errors"
	"fmt"
	"os"
)

func (p *Process) start() (*child, error) {
	return nil, fmt.Errorf("passing on listeners: %w", errors.ErrUnsupported)
}

func adopt(a announcement) ([]socket, error) {
	if len(a.names) == 0 {
		return nil, nil
	}
	return nil, fmt.Errorf("inheriting listeners: %w", errors.ErrUnsupported)
}

func openLink(int) (*os.File, error) {
	return nil, fmt.Errorf("a link to a predecessor: %w", errors.ErrUnsupported)
}
