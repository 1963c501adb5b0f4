package balance

import (
	"math/bits"
	"slices"
)

// Draws are weights to draw from at random.
type Draws struct {
	weights []uint64
	below   []uint64 // the sum of the weights up to and with each; nil while all are equal
	total   uint64
}

// NewDraws returns draws by weights, none of which is zero. Their sum must fit
// into 63 bits.
func NewDraws(weights []uint64) Draws {
	d := Draws{weights: weights}
	for _, w := range weights {
		d.total += w
	}
	if len(weights) == 0 || slices.Max(weights) == slices.Min(weights) {
		return d
	}
	d.below = make([]uint64, 0, len(weights))
	sum := uint64(0)
	for _, w := range weights {
		sum += w
		d.below = append(d.below, sum)
	}
	return d
}

// Two draws two different places, each by its weight, from two random numbers.
// There must be two at least.
func (d *Draws) Two(a, b uint64) (first, second int) {
	if d.below == nil {
		n := uint64(len(d.weights))
		i, _ := bits.Mul64(a, n)
		k, _ := bits.Mul64(b, n-1)
		if k >= i {
			k++
		}
		return int(i), int(k)
	}
	at, _ := bits.Mul64(a, d.total)
	first = d.place(at)
	// The second is drawn from a line out of which the first was cut.
	own := d.weights[first]
	at, _ = bits.Mul64(b, d.total-own)
	if at >= d.below[first]-own {
		at += own
	}
	return first, d.place(at)
}

func (d *Draws) place(at uint64) int {
	low, high := 0, len(d.below)-1
	for low < high {
		middle := int(uint(low+high) >> 1)
		if d.below[middle] > at {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// Freer says which of two places is less busy for its weight, given how many
// requests each has under way. Of two alike it is the one drawn first, so that
// without load the draw alone decides, and follows the weights.
func (d *Draws) Freer(first, second int, load1, load2 int64) int {
	if d.below == nil {
		if load2 < load1 {
			return second
		}
		return first
	}
	if float64(load2)*float64(d.weights[first]) < float64(load1)*float64(d.weights[second]) {
		return second
	}
	return first
}
