package simulate

import (
	"math"
	"math/rand/v2"
	"sort"

	"github.com/stagger-dev/stagger/internal/histogram"
)

// The latency of a version that is well: log-normal, with a 99th percentile of
// 205 ms.
const (
	medianLatency = 0.020 // seconds
	sigmaLatency  = 1.0   // of the natural logarithm
)

// A tail begins to stretch above the first of these quantiles and is stretched
// in full from the second on.
const (
	tailFrom = 0.95
	tailFull = 0.99
)

const buckets = int(histogram.MaxIndex-histogram.MinIndex) + 1

// form is what decides the shape of a latency curve.
type form struct {
	slow float64 // factor on every latency
	tail float64 // relative increase reached at p99
}

// shape is the chance of each bucket of the latency histogram.
type shape struct {
	first  int32 // index of the first bucket that can be met
	chance []float64
	alias  []int32 // by Walker: draw a place, and stay there or take its alias
	stay   []float64
	mean   float64   // the rate that none is for
	none   []float64 // chance that no request of a tick falls into the bucket
}

// leastChance is what a bucket must have to be listed: less is not met in the
// longest of trials.
const leastChance = 1e-13

func newShape(f form) *shape {
	var all [buckets]float64
	before := 0.0
	for i := range all {
		now := f.below(histogram.Upper(int32(i) + histogram.MinIndex))
		all[i], before = now-before, now
	}
	all[buckets-1] += 1 - before // what is longer counts at the end
	first := sort.Search(buckets-1, func(i int) bool { return all[i] >= leastChance })
	last := buckets - 1
	for last > first && all[last] < leastChance {
		last--
	}
	s := &shape{first: int32(first) + histogram.MinIndex, chance: append([]float64(nil), all[first:last+1]...)}
	s.build()
	return s
}

// below is the share of requests of at most so many seconds.
func (f form) below(seconds float64) float64 {
	z := math.Log(seconds/(medianLatency*f.slow)) / sigmaLatency
	if f.tail == 0 || normal(z) <= tailFrom {
		return normal(z)
	}
	// The stretched latency rises with z, so the z that it comes from can be
	// found by halves.
	low, high := 0.0, z
	for range 50 {
		middle := (low + high) / 2
		stretch := 1 + f.tail*min(max((normal(middle)-tailFrom)/(tailFull-tailFrom), 0), 1)
		if middle+math.Log(stretch)/sigmaLatency < z {
			low = middle
		} else {
			high = middle
		}
	}
	return normal(high)
}

func normal(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }

// build prepares the alias table (Walker 1977, Vose 1991).
func (s *shape) build() {
	n := len(s.chance)
	s.alias, s.stay = make([]int32, n), make([]float64, n)
	var small, large []int
	for i, p := range s.chance {
		s.stay[i] = p * float64(n)
		if s.stay[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		poor, rich := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		s.alias[poor] = int32(rich)
		if s.stay[rich] -= 1 - s.stay[poor]; s.stay[rich] < 1 {
			large = large[:len(large)-1]
			small = append(small, rich)
		}
	}
	for _, i := range append(small, large...) {
		s.stay[i] = 1
	}
}

// one draws the place of one request.
func (s *shape) one(r *rand.Rand) int {
	at := r.Float64() * float64(len(s.stay))
	i := int(at)
	if at-float64(i) < s.stay[i] {
		return i
	}
	return int(s.alias[i])
}

// manyExpected is the mean from which it is quicker to draw each bucket's count
// than each request's bucket.
const manyExpected = 800

// draw adds the latencies of a Poisson number of requests to counts, and
// returns that number. Counts in the buckets of Poisson traffic are Poisson and
// independent, so both ways have the same distribution.
func (s *shape) draw(r *rand.Rand, mean float64, counts *[buckets]uint32) int {
	if mean < manyExpected {
		return s.add(r, poisson(r, mean), counts)
	}
	s.prepare(mean)
	offset, n := int(s.first-histogram.MinIndex), 0
	for i, p := range s.chance {
		var k int
		if expected := p * mean; expected < fewExpected {
			k = poissonUp(r, expected, s.none[i])
		} else {
			k = poissonRejected(r, expected)
		}
		counts[offset+i] += uint32(k)
		n += k
	}
	return n
}

// add adds the latencies of n requests to counts.
func (s *shape) add(r *rand.Rand, n int, counts *[buckets]uint32) int {
	offset := int(s.first - histogram.MinIndex)
	for range n {
		counts[offset+s.one(r)]++
	}
	return n
}

func (s *shape) prepare(mean float64) {
	if s.mean == mean {
		return
	}
	s.mean = mean
	if s.none == nil {
		s.none = make([]float64, len(s.chance))
	}
	for i, p := range s.chance {
		s.none[i] = math.Exp(-p * mean)
	}
}
