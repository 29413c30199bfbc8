package journal_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/journal"
	"github.com/paradiseftp/paradise/osfs"
)

const childEnv = "PARADISE_JOURNAL_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := uploadForEver(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func killOptions() journal.Options {
	return journal.Options{Digest: true, MaxSize: 16 << 10, Keep: -1}
}

// uploadForEver is the child: it starts as a server would, uploads from several
// goroutines, new names and taken ones, and says "name sum" after each Commit.
func uploadForEver(dir string) error {
	ctx := context.Background()
	d, err := osfs.Open(filepath.Join(dir, "files"), osfs.Options{})
	if err != nil {
		return err
	}
	j, err := journal.Open(filepath.Join(dir, "journal"), killOptions())
	if err != nil {
		return err
	}
	if err := j.Reconcile(ctx, d); err != nil {
		return err
	}
	w := j.Wrap(d)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("/%d-%d-%d", os.Getpid(), g, i)
				if i%2 == 1 {
					name = fmt.Sprintf("/taken-%d", (g+i)%5)
				}
				data := strings.Repeat(fmt.Sprintf("%d %d %d ", os.Getpid(), g, i), 1+i%50)
				if err := put(ctx, w, name, data, paradise.StoreOptions{}); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Printf("%s %s\n", name, sumOf([]byte(data)))
			}
		})
	}
	wg.Wait()
	return nil
}

func sumOf(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// runAndKill returns what the child said it had committed before it was killed.
func runAndKill(t *testing.T, dir string, commits int) (said []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	killed := false
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		said = append(said, strings.TrimSpace(line))
		if !killed && len(said) >= commits {
			require.NoError(t, cmd.Process.Kill())
			killed = true
		}
	}
	require.True(t, killed, "the child ended by itself")
	require.Error(t, cmd.Wait())
	return said
}

// Killed at any moment, each file that is there has a record of its commit, and no
// Commit returned without one. PARADISE_FULL=1 kills 500 times.
func TestKilledAtRandomMomentsNoCommitIsMissing(t *testing.T) {
	rounds := 25
	if os.Getenv("PARADISE_FULL") != "" {
		rounds = 500
	}
	seed := rand.Uint64()
	t.Logf("seed %d, %d rounds", seed, rounds)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	root := filepath.Join(dir, "files")
	require.NoError(t, os.Mkdir(root, 0o755))
	var said []string
	for range rounds {
		said = append(said, runAndKill(t, dir, 1+r.IntN(60))...)
	}
	d, err := osfs.Open(root, osfs.Options{})
	require.NoError(t, err)
	defer d.Close()
	j := open(t, filepath.Join(dir, "journal"), killOptions())
	require.NoError(t, j.Reconcile(t.Context(), d))
	// A last upload tells where the journal ends.
	require.NoError(t, put(t.Context(), j.Wrap(d), "/end", "end", paradise.StoreOptions{}))

	noted, counts := notedCommits(t, j)
	for _, s := range said {
		assert.True(t, noted[s], "said but not noted: %s", s)
	}
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".paradise-") {
			continue // a temporary of the dead, which the sweep removes
		}
		b, err := os.ReadFile(filepath.Join(root, e.Name()))
		require.NoError(t, err)
		assert.True(t, noted["/"+e.Name()+" "+sumOf(b)], "there but not noted: %s", e.Name())
	}
	t.Logf("%d commits said, %d files, events %v", len(said), len(entries), counts)
}

func notedCommits(t *testing.T, j *journal.Journal) (map[string]bool, map[journal.Event]int) {
	t.Helper()
	noted, counts := make(map[string]bool), make(map[journal.Event]int)
	for r, err := range j.Follow(t.Context(), journal.Position{}) {
		require.NoError(t, err)
		counts[r.Event]++
		if r.Event.Committed() {
			noted[r.Name+" "+r.SHA256] = true
		}
		if r.Name == "/end" && r.Event == journal.Done {
			break
		}
	}
	return noted, counts
}
