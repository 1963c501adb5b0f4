// Package distinct estimates how many different things there were among many,
// from two kilobytes that say nothing of any one of them.
package distinct

import (
	"errors"
	"math"
	"math/bits"
)

// Registers is the number of registers of a sketch. The estimate has a standard
// error of 1.04/sqrt(Registers), 2.3 %.
const (
	Registers = 1 << precision
	precision = 11
	most      = 64 - precision + 1 // the highest rank there is
)

// Sketch is a HyperLogLog: for each register the highest rank that any hash had
// in it. The zero value is that of nothing. (Flajolet, Fusy, Gandouet and
// Meunier 2007, HyperLogLog: the analysis of a near-optimal cardinality
// estimation algorithm.)
type Sketch [Registers]uint8

// Place returns the register of a hash and its rank in it. It looks at the lowest
// bits first: a cohort is a condition on the highest ones, which leaves these as
// random as they are in everybody.
func Place(hash uint64) (register int, rank uint8) {
	rest := hash>>precision | 1<<(64-precision)
	return int(hash % Registers), uint8(bits.TrailingZeros64(rest) + 1)
}

// Add takes in a hash. Taking in the same one again changes nothing.
func (s *Sketch) Add(hash uint64) {
	register, rank := Place(hash)
	s[register] = max(s[register], rank)
}

// Merge makes s the sketch of all that either was given.
func (s *Sketch) Merge(t *Sketch) {
	for i, rank := range t {
		s[i] = max(s[i], rank)
	}
}

// Restore reads a sketch that was written down as its bytes.
func Restore(data []byte) (*Sketch, error) {
	if len(data) != Registers {
		return nil, errors.New("restore a sketch: it has another size")
	}
	s := (*Sketch)(data)
	for _, rank := range s {
		if rank > most {
			return nil, errors.New("restore a sketch: a rank is too high")
		}
	}
	return s, nil
}

// Estimate returns about how many different hashes s was given. It is the
// improved estimator of Ertl 2017 (New cardinality estimation algorithms for
// HyperLogLog sketches, algorithm 6), which needs no table to be right for few.
func (s *Sketch) Estimate() float64 {
	var counts [most + 1]float64
	for _, rank := range s {
		counts[rank]++
	}
	const m = float64(Registers)
	z := m * tau(1-counts[most]/m)
	for k := most - 1; k >= 1; k-- {
		z = (z + counts[k]) / 2
	}
	z += m * sigma(counts[0]/m)
	return m * m / (2 * math.Ln2 * z)
}

// sigma is x + sum of 2^(k-1) x^(2^k) over k from 1; it is infinite at 1.
func sigma(x float64) float64 {
	if x >= 1 {
		return math.Inf(1)
	}
	for y, sum := 1.0, x; ; y *= 2 {
		x *= x
		before := sum
		if sum += x * y; sum == before {
			return sum
		}
	}
}

// tau is (1 - x - sum of 2^-k (1 - x^(2^-k))^2 over k from 1) / 3.
func tau(x float64) float64 {
	if x <= 0 || x >= 1 {
		return 0
	}
	for y, sum := 0.5, 1-x; ; y /= 2 {
		x = math.Sqrt(x)
		before := sum
		if sum -= (1 - x) * (1 - x) * y; sum == before {
			return sum / 3
		}
	}
}
