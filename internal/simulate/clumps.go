package simulate

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/stagger-dev/stagger"
)

// bursts are failures of one user that come together: retries, a broken account.
type bursts struct {
	mean float64       // failures of a burst, geometric; 0 is no bursts
	over time.Duration // within which they are spread; 0 is one tick
	harm float64       // how many times as many users of the candidate burst; 0 is 1
}

// clump is what one user's burst still has to bring.
type clump struct {
	side  int
	group uint64
	seen  bool            // one of its failures has come
	due   []time.Duration // of each failure still to come, since the first tick
}

// begin draws the bursts that begin in a tick of length d at the given time.
func (b bursts) begin(t *Traffic, d time.Duration, share float64) {
	if b.mean == 0 {
		return
	}
	rate := t.rate * usually.Errors / b.mean * d.Seconds()
	for side, part := range [arms]float64{1 - share, share * max(b.harm, 1)} {
		for range poisson(t.random, rate*part) {
			c := clump{side: side, group: t.random.Uint64N(stagger.Groups)}
			start := t.clock + time.Duration(t.random.Float64()*float64(d))
			for range geometric(t.random, b.mean) {
				at := start
				if b.over > 0 {
					at += time.Duration(t.random.Float64() * float64(b.over))
				}
				c.due = append(c.due, at)
			}
			t.clumps = append(t.clumps, c)
		}
	}
}

// fall brings the failures of bursts that are due before the end of a tick.
func (t *Traffic) fall(end time.Duration, one bool) {
	kept := t.clumps[:0]
	for _, c := range t.clumps {
		later := c.due[:0]
		for _, at := range c.due {
			if at >= end && !one {
				later = append(later, at)
				continue
			}
			t.sides[c.side].fail(t, c.group, !c.seen)
			c.seen = true
		}
		if c.due = later; len(later) > 0 {
			kept = append(kept, c)
		}
	}
	t.clumps = kept
}

// pods are hosts of which each is slow or quick for a while: the logarithm of
// its share of requests beyond p95 wanders, with a memory.
type pods struct {
	baseline, candidate int
	swing               float64       // standard deviation of that logarithm
	memory              time.Duration // after which a third of it is left
}

// steepness is how fast the logarithm of the share beyond p95 rises with the
// logarithm of latency: the hazard of the normal distribution there, 2.06.
const steepness = 0.10314 / (1 - tailFrom) / sigmaLatency

// finest is the grain, in buckets, to which the slowness of a host is rounded,
// so that few shapes are needed.
const finest = 0.125

// wander moves every host on by d and returns how slow those of a side are, as
// factors on latency.
func (p pods) wander(r *rand.Rand, hosts []float64, d time.Duration) {
	keep := math.Exp(-float64(d) / float64(p.memory))
	for i := range hosts {
		hosts[i] = keep*hosts[i] + math.Sqrt(1-keep*keep)*p.swing*r.NormFloat64()
	}
}

// slowness is the factor on latency of a host, rounded.
func slowness(host float64) float64 {
	perBucket := math.Ln2 / float64(int(1)<<stagger.HistogramSchema)
	steps := math.Round(host / steepness / (finest * perBucket))
	return math.Exp(steps * finest * perBucket)
}
