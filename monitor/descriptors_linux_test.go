package monitor

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpenDescriptorsAreCounted(t *testing.T) {
	_, m := scrape(t)
	require.Contains(t, m, "process_open_fds")
	assert.Greater(t, m["process_open_fds"].of(""), 4.0, "the standard ones and two listeners")

	// Other tests' sockets may close meanwhile, but not as many.
	const files = 100
	before, ok := openDescriptors()
	require.True(t, ok)
	for range files {
		f, err := os.Open(os.DevNull)
		require.NoError(t, err)
		defer f.Close()
	}
	after, ok := openDescriptors()
	require.True(t, ok)
	assert.InDelta(t, files, after-before, files/2)
}
