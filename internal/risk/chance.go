package risk

import (
	"math"
	"slices"
)

// chance draws numbers that follow from a seed: SplitMix64 (Steele, Lea and
// Flood 2014).
type chance struct{ state uint64 }

func (c *chance) next() uint64 {
	c.state += 0x9e3779b97f4a7c15
	return mixed(c.state)
}

// mixed spreads a number over all others. The states of two sequences must be
// mixed: one seed is a few steps ahead of another otherwise.
func mixed(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// uniform draws from [0, 1).
func (c *chance) uniform() float64 { return float64(c.next()>>11) / (1 << 53) }

// normal draws from the standard normal distribution (Box and Muller 1958).
func (c *chance) normal() float64 {
	return math.Sqrt(-2*math.Log(1-c.uniform())) * math.Cos(2*math.Pi*c.uniform())
}

// few is the mean up to which counts are drawn exactly.
const few = 30

// poisson draws a count of the given mean. Large ones are normal, corrected for
// skewness after Cornish and Fisher.
func (c *chance) poisson(mean float64) int {
	if mean > few {
		z := c.normal()
		return max(int(math.Floor(mean+math.Sqrt(mean)*z+(z*z-1)/6+0.5)), 0)
	}
	n, p, u := 0, math.Exp(-mean), c.uniform()
	for ; u >= p && n < 1000; n++ {
		u -= p
		p *= mean / float64(n+1)
	}
	return n
}

// binomial draws how many of n have an outcome of probability p.
func (c *chance) binomial(n int, p float64) int {
	mean := float64(n) * p
	switch {
	case p > 0.5:
		return n - c.binomial(n, 1-p)
	case mean > few:
		z := c.normal()
		spread := math.Sqrt(mean * (1 - p))
		return min(max(int(math.Floor(mean+spread*z+(1-2*p)*(z*z-1)/6+0.5)), 0), n)
	case p < 0.05: // of at most few: as good as Poisson
		return min(c.poisson(mean), n)
	}
	hits := 0
	for range n { // few/0.05 at most
		if c.uniform() < p {
			hits++
		}
	}
	return hits
}

// die draws buckets of a curve.
type die struct {
	index  []int32 // of the buckets that are met
	share  []float64
	summed []float64
}

// leastShare is what a bucket must have to be met.
const leastShare = 1e-12

func newDie(c Curve, first int32) die {
	var d die
	sum := 0.0
	for i, p := range c {
		if p < leastShare {
			continue
		}
		sum += p
		d.index, d.share, d.summed = append(d.index, int32(i)+first), append(d.share, p), append(d.summed, sum)
	}
	return d
}

// roll draws how many of a Poisson number of requests fall in each bucket.
func (d die) roll(c *chance, mean float64, counts []uint64) (n int) {
	clear(counts)
	if mean < float64(len(d.index)) {
		n = c.poisson(mean)
		for range n {
			counts[d.one(c)]++
		}
		return n
	}
	for i, p := range d.share {
		drawn := c.poisson(mean * p)
		counts[i] = uint64(drawn)
		n += drawn
	}
	return n
}

func (d die) one(c *chance) int {
	i, _ := slices.BinarySearch(d.summed, c.uniform()*d.summed[len(d.summed)-1])
	return min(i, len(d.index)-1)
}
