package simulate

import (
	"math"

	"github.com/stagger-dev/stagger/internal/histogram"
)

// Information returns what one request tells on average about whether the
// versions differ, in nats: the mutual information between its version and what
// is measured of it, failure and latency by bucket, at the model's onset and
// with a share of requests for the candidate. No test that may be read at any
// time reaches the level alpha on fewer than log(1/alpha) over it requests of
// both versions, on average (Wald's inequality for the mixture of the two).
func (m Model) Information(share float64) float64 {
	baseline, candidate := m.answers(Moment{At: m.Onset, Length: 2*m.Onset + 1})
	total := divergence(share, []float64{baseline.Errors, 1 - baseline.Errors}, []float64{candidate.Errors, 1 - candidate.Errors})
	a, b := form{slow: baseline.Slow, tail: baseline.Tail}, form{slow: candidate.Slow, tail: candidate.Tail}
	if a != b {
		total += divergence(share, a.chances(), b.chances())
	}
	return total
}

// chances are those of all buckets.
func (f form) chances() []float64 {
	s, all := newShape(f), make([]float64, buckets)
	copy(all[int(s.first-histogram.MinIndex):], s.chance)
	return all
}

// divergence is Jensen and Shannon's between p and q, the latter with weight
// share.
func divergence(share float64, p, q []float64) float64 {
	total := 0.0
	for i := range p {
		mixed := (1-share)*p[i] + share*q[i]
		total += (1-share)*surprise(p[i], mixed) + share*surprise(q[i], mixed)
	}
	return total
}

func surprise(p, q float64) float64 {
	if p <= 0 {
		return 0
	}
	return p * math.Log(p/q)
}
