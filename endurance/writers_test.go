package endurance

import (
	"crypto/sha256"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWritersOfOneNameLeaveOneWhole(t *testing.T) {
	const writers = 100
	rnd := random(t)
	dir := memory(t)
	s := serve(t, dir, nil)
	clients := make([]*client, writers)
	sources := make([]*rand.Rand, writers)
	for i := range clients {
		clients[i] = must(t, s.Addr)
		sources[i] = rand.New(rand.NewPCG(rnd.Uint64(), 0))
	}
	for round := range scaled(1000) {
		sums := make([][sha256.Size]byte, writers)
		errs := make([]error, writers)
		codes := make([]int, writers)
		var all sync.WaitGroup
		for i, c := range clients {
			all.Go(func() {
				data := content(sources[i], 8<<10+sources[i].IntN(8<<10))
				sums[i] = sha256.Sum256(data)
				codes[i], _, errs[i] = c.store("STOR f", data)
			})
		}
		all.Wait()
		for i := range writers {
			require.NoError(t, errs[i])
			require.Equal(t, 226, codes[i])
		}
		b, err := os.ReadFile(filepath.Join(dir, "f"))
		require.NoError(t, err)
		require.Contains(t, sums, sha256.Sum256(b), "round %d: %d bytes that nobody sent", round, len(b))
	}
	for _, c := range clients {
		require.NoError(t, c.quit())
	}
	s.stop(t)
	holdNoTemporaries(t, dir)
}
