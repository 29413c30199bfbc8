//go:build !linux

package splice_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/splice"
)

func TestThereIsNoPipe(t *testing.T) {
	_, err := splice.NewPipe()
	require.ErrorIs(t, err, errors.ErrUnsupported)
}
