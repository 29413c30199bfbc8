package history

import (
	"fmt"
	"math/rand/v2"
)

// tokenLen is the length of the data of one upload. Offsets are multiples of it, so that
// they fall between the data of two uploads.
const tokenLen = 6

// Plan returns random operations for each client, each in number. The same seed gives the
// same operations. A kind that is given twice is twice as frequent.
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

// All returns every kind, some of them several times: those that build on an old file
// and those that read.
func All() []Kind {
	all := []Kind{Append, Append, Append, Resume, Read, Read, Read, Remove, Rename}
	for k := range drop {
		all = append(all, k)
	}
	return all
}

// Without returns the kinds in from that are not in some.
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
