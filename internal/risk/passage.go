package risk

import (
	"math"
	"time"
)

// passage is how long evidence takes to be enough, as a distribution. Evidence
// gathers like a motion with drift and noise, and for log-likelihoods the noise
// is twice the drift (Wald 1947); the time at which it first passes a level is
// then inverse Gaussian, with a shape of half the level times its mean
// (Schroedinger 1915, Folks and Chhikara 1978). The median is that of the
// formula, which was measured; so only the spread comes from here.
type passage struct {
	offset float64 // seconds before anything can be proved
	mean   float64 // seconds after it; 0 is never
	shape  float64 // of a passage whose mean is 1
}

// narrowest bounds the shape: beyond it the spread is a few percent.
const narrowest = 100

// passageOf is the passage with a median, of which offset counts nothing, to so
// many nats.
func passageOf(median, offset time.Duration, nats float64) passage {
	if median <= offset {
		return passage{}
	}
	p := passage{offset: offset.Seconds(), mean: 1, shape: min(max(nats/2, 0.1), narrowest)}
	middle := p.quantile(0.5) - p.offset
	p.mean = (median - offset).Seconds() / middle
	return p
}

// within is the chance that it takes at most so many seconds.
func (p passage) within(seconds float64) float64 {
	if p.mean == 0 || seconds <= p.offset {
		return 0
	}
	if math.IsInf(seconds, 1) {
		return 1
	}
	x := (seconds - p.offset) / p.mean
	root := math.Sqrt(p.shape / x)
	return min(normal(root*(x-1))+math.Exp(2*p.shape)*normal(-root*(x+1)), 1)
}

// quantile is within how many seconds it comes with a chance of q; 0 is never.
func (p passage) quantile(q float64) float64 {
	if p.mean == 0 {
		return 0
	}
	low, high := p.offset, p.offset+p.mean
	for p.within(high) < q {
		high = p.offset + 2*(high-p.offset)
	}
	for range 60 {
		if middle := (low + high) / 2; p.within(middle) < q {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// lag is how many times as slow as p lives were of which a share came to it
// within the time they were watched; 1 where they were no slower.
func (p passage) lag(share float64, watched time.Duration) float64 {
	said := p.quantile(max(share, fewest))
	if share >= 0.9 || said == 0 {
		return 1
	}
	return max(watched.Seconds()/said, 1)
}

// fewest is the share that a handful of lives can tell from none.
const fewest = 0.05

func (p passage) slower(times float64) passage {
	p.offset, p.mean = p.offset*times, p.mean*times
	return p
}

// delay is what a stage that is watched for so long sees of it.
func (p passage) delay(formula, horizon time.Duration) Delay {
	d := Delay{
		Formula: round(formula.Seconds()), Share: p.within(horizon.Seconds()),
		Half: round(p.quantile(0.5)), Most: round(p.quantile(0.9)),
	}
	d.Median, d.P90 = d.Half, d.Most
	if d.Share < 0.5 {
		d.Median = 0
	}
	if d.Share < 0.9 {
		d.P90 = 0
	}
	return d
}
