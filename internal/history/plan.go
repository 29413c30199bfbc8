package history

import (
	"fmt"
	"math/rand/v2"
)

// tokenLen is the length of what one upload brings, so that offsets fall between
// uploads.
const tokenLen = 6

// Plan makes the same operations for the same seed: so many for each client, of
// the kinds given, one that stands there twice being twice as frequent.
func Plan(seed uint64, clients, each int, kinds []Kind) [][]Op {
	rnd := rand.New(rand.NewPCG(seed, 1))
	plan := make([][]Op, clients)
	for i := range plan {
		for j := range each {
			plan[i] = append(plan[i], Op{
				Kind:   kinds[rnd.IntN(len(kinds))],
				A:      rnd.IntN(Files),
				Data:   fmt.Sprintf("%02d.%02d;", i, j),
				Offset: tokenLen * (1 + rnd.IntN(2)),
			})
			op := &plan[i][j]
			op.B = (op.A + 1 + rnd.IntN(Files-1)) % Files
		}
	}
	return plan
}

// All is every kind, those that build on an old file and those that look more often
// than the others.
func All() []Kind {
	all := []Kind{Append, Append, Append, Resume, Read, Read, Read, Remove, Rename}
	for k := range drop {
		all = append(all, k)
	}
	return all
}

// Without is all of kinds but some.
func Without(from []Kind, some ...Kind) []Kind {
	var rest []Kind
	for _, k := range from {
		keep := true
		for _, s := range some {
			keep = keep && k != s
		}
		if keep {
			rest = append(rest, k)
		}
	}
	return rest
}
