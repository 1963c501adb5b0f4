package simulate

import (
	"encoding/json"
	"math"
	"slices"
	"time"
)

// Measure is how often something happened, and how soon.
type Measure struct {
	Runs, Seen int
	// Low and High bound the chance of it with 99% confidence (Clopper and
	// Pearson).
	Low, High float64
	// Median and P90 are over all runs, those in which it never happened being
	// the slowest; Never where that many never saw it.
	Median, P90 time.Duration
}

// MeasureOf sums up delays, of which some may be Never.
func MeasureOf(delays []time.Duration) Measure {
	m := Measure{Runs: len(delays), Median: Never, P90: Never}
	var seen []time.Duration
	for _, d := range delays {
		if d != Never {
			seen = append(seen, d)
		}
	}
	m.Seen = len(seen)
	m.Low, m.High = Bounds(m.Seen, m.Runs, 0.01)
	slices.Sort(seen)
	at := func(q float64) time.Duration {
		if rank := int(math.Ceil(q * float64(m.Runs))); rank > 0 && rank <= len(seen) {
			return seen[rank-1]
		}
		return Never
	}
	m.Median, m.P90 = at(0.5), at(0.9)
	return m
}

// Share is the part of the runs in which it happened; 0 without runs.
func (m Measure) Share() float64 {
	if m.Runs == 0 {
		return 0
	}
	return float64(m.Seen) / float64(m.Runs)
}

// MarshalJSON writes shares as numbers and delays as seconds, null for Never.
func (m Measure) MarshalJSON() ([]byte, error) {
	seconds := func(d time.Duration) *float64 {
		if d == Never {
			return nil
		}
		s := d.Seconds()
		return &s
	}
	return json.Marshal(struct {
		Seen   int      `json:"seen"`
		Share  float64  `json:"share"`
		Low    float64  `json:"low"`
		High   float64  `json:"high"`
		Median *float64 `json:"median_seconds"`
		P90    *float64 `json:"p90_seconds"`
	}{m.Seen, m.Share(), m.Low, m.High, seconds(m.Median), seconds(m.P90)})
}

// Bounds returns the interval of Clopper and Pearson (1934) for a chance of
// which k of n are seen: each side is wrong with probability alpha/2 at most.
func Bounds(k, n int, alpha float64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	low, high = 0, 1
	if k > 0 {
		low = solve(func(p float64) bool { return 1-AtMost(k-1, n, p) < alpha/2 })
	}
	if k < n {
		high = solve(func(p float64) bool { return AtMost(k, n, p) > alpha/2 })
	}
	return low, high
}

// solve finds where below turns false, between 0 and 1.
func solve(below func(float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 60 {
		if middle := (low + high) / 2; below(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// AtMost is the chance of k or fewer successes among n of probability p.
func AtMost(k, n int, p float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n || p <= 0:
		return 1
	case p >= 1:
		return 0
	}
	sum := 0.0
	for i := range k + 1 {
		x, trials := float64(i), float64(n)
		sum += math.Exp(logFactorial(trials) - logFactorial(x) - logFactorial(trials-x) + x*math.Log(p) + (trials-x)*math.Log1p(-p))
	}
	return min(sum, 1)
}
