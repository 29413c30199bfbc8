package flock_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/flock"
)

func open(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func TestALockExcludesOthersUntilItIsGivenFreeOrClosed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	a, b := open(t, name), open(t, name)
	require.NoError(t, flock.Lock(a))
	free, err := flock.TryLock(b)
	require.NoError(t, err)
	assert.False(t, free, "held")
	require.NoError(t, flock.Unlock(a))
	free, err = flock.TryLock(b)
	require.NoError(t, err)
	assert.True(t, free, "given free")
	require.NoError(t, b.Close())
	free, err = flock.TryLock(a)
	require.NoError(t, err)
	assert.True(t, free, "closed")
}

func TestLockWaits(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	a, b := open(t, name), open(t, name)
	require.NoError(t, flock.Lock(a))
	got := make(chan error)
	go func() { got <- flock.Lock(b) }()
	require.NoError(t, flock.Unlock(a))
	require.NoError(t, <-got)
}
