// Package histogram does the arithmetic of base-2 exponential histograms of
// schema 5: bucket bounds grow by 2^(1/32), about 2.2 %, as in Prometheus
// native histograms and OpenTelemetry exponential ones. Merging is adding
// integers, so nothing is lost between proxies, ticks and versions.
package histogram

import (
	"math"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// The range of indexes: 2^(-14.5) s is about 43 us, 2^6.75 s about 108 s. What
// lies outside counts at the nearest end.
const (
	MinIndex int32 = -464
	MaxIndex int32 = 216
)

// perOctave is the number of buckets between a duration and its double.
const perOctave = 1 << stagger.HistogramSchema

// bounds holds the upper edges of the buckets of [1/2, 1): bounds[i] is
// 2^(-1 + (i+1)/32).
var bounds = func() (b [perOctave]float64) {
	for i := range b {
		b[i] = math.Exp2(-1 + float64(i+1)/perOctave)
	}
	return b
}()

// start maps the leading bits of a fraction in [1/2, 1) to the first bucket it
// can lie in; at most two steps are left from there.
var start = func() (s [perOctave]int32) {
	for i := range s {
		fraction := 0.5 + float64(i)/(2*perOctave)
		for bounds[s[i]] < fraction {
			s[i]++
		}
	}
	return s
}()

// Index returns the bucket of d: the least i with d <= 2^(i/32) seconds,
// clamped to the range of indexes. It takes no logarithm.
func Index(d time.Duration) int32 {
	if d <= 0 {
		return MinIndex
	}
	// What math.Frexp does, less what it does for zero, infinity and the like.
	seconds := math.Float64bits(d.Seconds())
	exponent := int32(seconds>>52) - 1022
	fraction := math.Float64frombits(seconds&(1<<52-1) | 1022<<52)
	i := start[seconds>>(52-stagger.HistogramSchema)%perOctave]
	for bounds[i] < fraction {
		i++
	}
	// The octave [1/2, 1) of exponent 0 ends at index 0.
	index := (exponent-1)*perOctave + i + 1
	if fraction == 0.5 {
		index = (exponent - 1) * perOctave // an edge: it ends the octave below
	}
	return min(max(index, MinIndex), MaxIndex)
}

// The coarse buckets, of stagger.GroupSteps buckets each, in which groups are
// counted: how many there are, and the place of the first among the multiples.
const (
	firstCoarse   = MinIndex / stagger.GroupSteps
	CoarseBuckets = int((MaxIndex+stagger.GroupSteps-1)/stagger.GroupSteps-firstCoarse) + 1
)

// Coarse returns the place, from 0, of the coarse bucket that covers bucket i.
func Coarse(i int32) int {
	const steps = stagger.GroupSteps
	return int((i - firstCoarse*steps + steps - 1) / steps) // i is no less than MinIndex
}

// CoarseIndex returns the index of the coarse bucket at a place.
func CoarseIndex(place int) int32 { return (firstCoarse + int32(place)) * stagger.GroupSteps }

// Upper returns the upper edge of bucket i, in seconds.
func Upper(i int32) float64 { return math.Exp2(float64(i) / perOctave) }

// Steps returns how many whole buckets a relative increase amounts to: 0.044
// is two. It rounds to the nearest.
func Steps(increase float64) int32 {
	return int32(math.Round(math.Log2(1+increase) * perOctave))
}

// Sum merges histograms.
func Sum(hs ...stagger.Histogram) stagger.Histogram {
	var sum stagger.Histogram
	for _, h := range hs {
		AddTo(&sum, h)
	}
	return sum
}

// AddTo merges h into sum, whose list of buckets it changes in place and lets
// grow when h brings buckets that sum has not. It keeps nothing of h.
func AddTo(sum *stagger.Histogram, h stagger.Histogram) {
	sum.Zero += h.Zero
	sum.Sum += h.Sum
	sum.Buckets = merge(sum.Buckets, h.Buckets)
}

// merge adds two lists of buckets, each by rising index, into the first: from
// the end, so that nothing is overwritten before it was read.
func merge(a, b []stagger.Bucket) []stagger.Bucket {
	n, more := len(a), missing(a, b)
	a = slices.Grow(a, more)[:n+more]
	i, k := n-1, len(b)-1
	for to := len(a) - 1; k >= 0; to-- {
		switch {
		case i < 0 || a[i].Index < b[k].Index:
			a[to], k = b[k], k-1
		case a[i].Index > b[k].Index:
			a[to], i = a[i], i-1
		default:
			a[to] = stagger.Bucket{Index: a[i].Index, Count: a[i].Count + b[k].Count}
			i, k = i-1, k-1
		}
	}
	return a
}

// missing is how many buckets b has and a has not.
func missing(a, b []stagger.Bucket) int {
	n := 0
	for i, k := 0, 0; k < len(b); k++ {
		for i < len(a) && a[i].Index < b[k].Index {
			i++
		}
		if i == len(a) || a[i].Index != b[k].Index {
			n++
		}
	}
	return n
}

// Above counts the durations in buckets beyond index i: those longer than
// Upper(i).
func Above(h stagger.Histogram, i int32) uint64 {
	var n uint64
	for k := len(h.Buckets) - 1; k >= 0 && h.Buckets[k].Index > i; k-- {
		n += h.Buckets[k].Count
	}
	return n
}

// Quantile returns the edges, in seconds, of the bucket that holds the
// q-quantile of h; both are 0 when h is empty or the quantile is a zero.
func Quantile(h stagger.Histogram, q float64) (low, high float64) {
	index, ok := QuantileIndex(h, q)
	if !ok {
		return 0, 0
	}
	return Upper(index - 1), Upper(index)
}

// QuantileIndex returns the bucket that holds the q-quantile of h; it is not
// ok when h is empty or the quantile is a zero.
func QuantileIndex(h stagger.Histogram, q float64) (index int32, ok bool) {
	rank := uint64(math.Ceil(min(max(q, 0), 1) * float64(h.Count())))
	return RankIndex(h, max(rank, 1))
}

// RankIndex returns the bucket that holds the rank-th shortest duration,
// counting from 1.
func RankIndex(h stagger.Histogram, rank uint64) (index int32, ok bool) {
	seen := h.Zero
	if rank <= seen {
		return 0, false
	}
	for _, b := range h.Buckets {
		if seen += b.Count; seen >= rank {
			return b.Index, true
		}
	}
	return 0, false
}
