package paradise_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/paradisetest"
)

// -update rewrites the transcripts that differ; read the difference before it is
// kept.
var _ = flag.Bool("update", false, "rewrite golden files that differ")

// Every transcript below testdata/transcripts is what the server says: each verb
// in each state against its RFC, and the sessions of real clients and devices.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.ToSlash(strings.TrimPrefix(file, filepath.FromSlash("testdata/transcripts/"))), ".txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			paradisetest.Play(t, nil, file)
		})
	}
}

// A transcript begins with what it rests on: an RFC's section, a device, a policy.
func TestEveryTranscriptSaysWhy(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*/*.txt")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(string(text), "# "), file)
	}
}
