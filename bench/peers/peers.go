// Package peers has the rules by which other tools judge a candidate, written
// anew from what is published about them, to be compared with ours on the same
// ticks. It is never part of the program.
//
// Every peer is given both versions second by second, and answers whether it
// raises the alarm now: whether that tool would fail its check, roll back, or
// call the difference significant.
package peers

import (
	"math"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// Side is what one version did.
type Side struct {
	Requests, Failed int
	Latency          stagger.Histogram
}

// add returns the sum of s and o.
func (s Side) add(o Side) Side {
	return Side{
		Requests: s.Requests + o.Requests, Failed: s.Failed + o.Failed,
		Latency: histogram.Sum(s.Latency, o.Latency),
	}
}

// failures is the share of requests that failed; 0 without requests.
func (s Side) failures() float64 {
	if s.Requests == 0 {
		return 0
	}
	return float64(s.Failed) / float64(s.Requests)
}

// p99 is the 99th percentile of the latency, in seconds, at the upper edge of its
// bucket.
func (s Side) p99() float64 {
	_, high := histogram.Quantile(s.Latency, 0.99)
	return high
}

// Sample is what both versions did in a stretch of time that ends At, counted
// from the candidate's first request.
type Sample struct {
	At                  time.Duration
	Baseline, Candidate Side
	Share               float64 // of the requests that the candidate should have got
}

// A Peer judges one rollout. Its zero state knows nothing yet.
type Peer interface {
	// Observe takes in the sample that follows and says whether to raise the
	// alarm.
	Observe(s Sample) bool
}

// every gathers samples until a whole number of periods has passed.
type every struct {
	period time.Duration
	sum    Sample
}

// gather returns what came since the last full period, when one is full.
func (e *every) gather(s Sample) (Sample, bool) {
	e.sum.At, e.sum.Share = s.At, s.Share
	e.sum.Baseline, e.sum.Candidate = e.sum.Baseline.add(s.Baseline), e.sum.Candidate.add(s.Candidate)
	if s.At%e.period != 0 {
		return Sample{}, false
	}
	full := e.sum
	e.sum = Sample{}
	return full, true
}

// upper is the chance of more than z under the standard normal distribution.
func upper(z float64) float64 { return 0.5 * math.Erfc(z/math.Sqrt2) }
