package quotatest_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/quota"
	"github.com/paradiseftp/paradise/quota/quotatest"
)

func TestTheStoresOfTheHouse(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		quotatest.TestStore(t, func(testing.TB) quota.Store { return &quota.Memory{} })
	})
	t.Run("file", func(t *testing.T) {
		quotatest.TestStore(t, func(tb testing.TB) quota.Store {
			f, err := quota.OpenFile(filepath.Join(tb.TempDir(), "usage.json"))
			require.NoError(tb, err)
			tb.Cleanup(func() { assert.NoError(tb, f.Close()) })
			return f
		})
	})
}
