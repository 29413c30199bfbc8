package osfs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/needs"
)

// Between its link and its rename a new file has a hidden name, which a process
// may leave behind.
func TestDeathBetweenLinkAndRenameIsSwept(t *testing.T) {
	strace := needs.Program(t, "strace", "strace")
	exe, err := os.Executable()
	require.NoError(t, err)
	for old, want := range map[string]string{"": "", "old": "old"} {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
		if old != "" {
			put(t, dir, "sub/f", old)
		}
		cmd := exec.Command(strace, "-f", "-o", os.DevNull, "-e", "trace=renameat,renameat2", "-e", "inject=renameat,renameat2:signal=KILL", exe)
		cmd.Env = append(os.Environ(), storeEnv+"="+dir)
		require.Error(t, cmd.Run(), "killed")
		require.Len(t, parts(t, dir), 1)
		require.NoError(t, swept(t, dir).Close())
		assert.Empty(t, leftovers(t, dir))
		b, _ := os.ReadFile(filepath.Join(dir, "sub/f"))
		assert.Equal(t, want, string(b))
	}
}
