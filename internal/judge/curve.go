package judge

import (
	"math"

	"github.com/stagger-dev/stagger/internal/sequential"
)

// The grid of log odds ratios on which the interval is sought.
const (
	curveStep  = 0.125
	curveLeast = -4.0
	curveSize  = 97 // up to +8
)

// curve is the conditional log-likelihood of the odds ratio. For any two
// points, the exponential of the difference is an e-process for one against
// the other; averaging over all alternatives gives a confidence sequence.
type curve struct {
	At []float64 `json:"at,omitempty"` // empty where no interval is wanted
}

func newCurve(wanted bool) curve {
	if !wanted {
		return curve{}
	}
	return curve{At: make([]float64, curveSize)}
}

// observe takes in the tables of a batch, to a power.
func (c *curve) observe(ts []sequential.Table, power float64) {
	if len(c.At) == 0 {
		return
	}
	for _, t := range ts {
		m := t.Moments()
		for i := range c.At {
			l := curveLeast + curveStep*float64(i)
			c.At[i] += power * (float64(t.Hits)*l - m.Log(l))
		}
	}
}

// interval returns the most likely ratio and what bounds it at all times with
// confidence 1 - alpha; low or high is 0 where it is unbounded.
func (c *curve) interval(alpha float64) (estimate, low, high float64) {
	if len(c.At) == 0 {
		return 1, 0, 0
	}
	total := sequential.LogMeanExp(c.At)
	limit := total - math.Log(1/alpha)
	first, last, best := -1, -1, 0
	for i, v := range c.At {
		if v > c.At[best] {
			best = i
		}
		if v >= limit {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first > 0 {
		low = ratioAt(float64(first) - crossing(c.At[first-1], c.At[first], limit))
	}
	if last < len(c.At)-1 {
		high = ratioAt(float64(last) + crossing(c.At[last+1], c.At[last], limit))
	}
	return ratioAt(c.peak(best)), low, high
}

// crossing is how far from the inner point towards the outer the limit lies.
func crossing(outer, inner, limit float64) float64 {
	return (inner - limit) / max(inner-outer, 1e-12)
}

// peak refines the best grid point by a parabola through its neighbours.
func (c *curve) peak(best int) float64 {
	if best == 0 || best == len(c.At)-1 {
		return float64(best)
	}
	a, b, d := c.At[best-1], c.At[best], c.At[best+1]
	bend := a - 2*b + d
	if bend >= 0 {
		return -curveLeast / curveStep // flat: nothing is known; ratio 1
	}
	return float64(best) + 0.5*(a-d)/bend
}

func ratioAt(i float64) float64 { return math.Exp(curveLeast + curveStep*i) }
