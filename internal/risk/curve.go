package risk

import (
	"math"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

const buckets = int(histogram.MaxIndex-histogram.MinIndex) + 1

// Curve is a distribution of latency: the share of requests in each bucket,
// from histogram.MinIndex on. A nil Curve knows nothing.
type Curve []float64

// CurveOf is the distribution of what a histogram counts, nil if that is
// nothing.
func CurveOf(h stagger.Histogram) Curve {
	all := float64(h.Count())
	if all == 0 {
		return nil
	}
	c := make(Curve, buckets)
	c[0] = float64(h.Zero) / all
	for _, b := range h.Buckets {
		c[place(b.Index)] += float64(b.Count) / all
	}
	return c
}

// LogNormal is the distribution of latencies with the median, in seconds, and
// sigma, the standard deviation of their natural logarithm.
func LogNormal(median, sigma float64) Curve {
	return fromBelow(func(seconds float64) float64 { return normal(math.Log(seconds/median) / sigma) })
}

// Through is a distribution with these quantiles, in seconds and rising: the
// logarithm of latency is drawn straight between them on a normal scale, and
// straight on beyond. It is nil unless 0 < p50 < p95 <= p99.
func Through(p50, p95, p99 float64) Curve {
	if !(p50 > 0 && p95 > p50 && p99 >= p95) {
		return nil
	}
	const z95, z99 = 1.6448536269514722, 2.3263478740408408
	body := math.Log(p95/p50) / z95
	tail := max(math.Log(p99/p95)/(z99-z95), 1e-3)
	return fromBelow(func(seconds float64) float64 {
		if z := math.Log(seconds/p50) / body; z <= z95 {
			return normal(z)
		}
		return normal(z95 + math.Log(seconds/p95)/tail)
	})
}

// fromBelow makes a curve from the share of requests below a latency.
func fromBelow(below func(seconds float64) float64) Curve {
	c := make(Curve, buckets)
	before := 0.0
	for i := range c {
		now := below(histogram.Upper(int32(i) + histogram.MinIndex))
		c[i], before = now-before, now
	}
	c[buckets-1] += 1 - before
	return c
}

func normal(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }

func place(index int32) int {
	return int(min(max(index, histogram.MinIndex), histogram.MaxIndex) - histogram.MinIndex)
}

// quantile returns the bucket in which the share q is reached, as the judge
// finds it.
func (c Curve) quantile(q float64) int32 {
	seen := 0.0
	for i, p := range c {
		if seen += p; seen >= q {
			return int32(i) + histogram.MinIndex
		}
	}
	return histogram.MaxIndex
}

// beyond is the share of requests in buckets beyond an index.
func (c Curve) beyond(index int32) float64 {
	sum := 0.0
	for i := place(index) + 1; i < len(c); i++ {
		sum += c[i]
	}
	return sum
}

// parts is in how many parts a bucket is cut to be stretched unevenly.
const parts = 8

// stretched is c with latencies made longer by the relative increase at the
// quantile q: all of them for the median, else more and more from a quantile
// below, where five times as many requests lie beyond, and in full from q on.
func (c Curve) stretched(q, increase float64) Curve {
	out := make(Curve, buckets)
	start, seen := 1-5*(1-q), 0.0
	for i, p := range c {
		for k := range parts {
			at := seen + p*(float64(k)+0.5)/parts
			part := 1.0
			if q > 0.5 {
				part = min(max((at-start)/(q-start), 0), 1)
			}
			out.put(float64(i)+math.Log2(1+increase*part)*math.Exp2(stagger.HistogramSchema), p/parts)
		}
		seen += p
	}
	return out
}

// put adds a share that lies between two buckets to both.
func (c Curve) put(at, share float64) {
	i := int(math.Floor(at))
	upper := at - float64(i)
	last := len(c) - 1
	c[min(i, last)] += share * (1 - upper)
	c[min(i+1, last)] += share * upper
}
