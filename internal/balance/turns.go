package balance

import "slices"

// maxTurns bounds a schedule.
const maxTurns = 4096

// Turns returns an order of places in which each comes as often as its weight
// says, spread as evenly as can be: to be walked round and round. Weights are
// rounded where the order would become too long; nobody is left out.
//
// It is the smooth weighted round robin of nginx: everybody earns its weight at
// each turn, the richest is served and pays the sum of all.
func Turns(weights []uint64) []uint16 {
	shares, total := shares(weights)
	credit := make([]int64, len(shares))
	turns := make([]uint16, 0, total)
	for range total {
		richest := 0
		for i, s := range shares {
			credit[i] += int64(s)
			if credit[i] > credit[richest] {
				richest = i
			}
		}
		credit[richest] -= int64(total)
		turns = append(turns, uint16(richest))
	}
	return turns
}

// shares reduces weights to small whole numbers.
func shares(weights []uint64) (out []uint64, total uint64) {
	common, sum := uint64(0), uint64(0)
	for _, w := range weights {
		common, sum = divisor(common, w), sum+w
	}
	out = slices.Clone(weights)
	for i, w := range out {
		if sum/max(common, 1) > maxTurns {
			out[i] = max(1, uint64(float64(w)/float64(sum)*maxTurns))
		} else {
			out[i] = w / max(common, 1)
		}
		total += out[i]
	}
	return out, total
}

// divisor is the greatest common divisor.
func divisor(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
