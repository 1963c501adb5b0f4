package peers

import (
	"math"
	"time"
)

// ZTest is the pooled two-proportion z-test of failures on all requests so far,
// one-sided, the fixed-sample test of every textbook (for example Fleiss, Levin
// and Paik, "Statistical Methods for Rates and Proportions", 2003, section 3.2,
// without the correction for continuity).
type ZTest struct {
	alpha float64
	schedule
	all Sample
}

// schedule says when a peer looks.
type schedule struct {
	length time.Duration
	from   time.Duration
}

func (p schedule) due(at time.Duration) bool { return at >= p.from && at%p.length == 0 }

// NewZTest returns a test that looks every period, at level alpha each time.
// Bonferroni's correction is an alpha divided by the number of looks.
func NewZTest(alpha float64, length time.Duration) *ZTest {
	return &ZTest{alpha: alpha, schedule: schedule{length: length}}
}

// Observe implements Peer.
func (z *ZTest) Observe(s Sample) bool {
	z.all.Baseline.Requests += s.Baseline.Requests
	z.all.Baseline.Failed += s.Baseline.Failed
	z.all.Candidate.Requests += s.Candidate.Requests
	z.all.Candidate.Failed += s.Candidate.Failed
	return z.due(s.At) && upper(proportions(z.all)) < z.alpha
}

// proportions is the z of the pooled two-proportion test; 0 where nothing can be
// compared.
func proportions(s Sample) float64 {
	n, m := float64(s.Candidate.Requests), float64(s.Baseline.Requests)
	x, y := float64(s.Candidate.Failed), float64(s.Baseline.Failed)
	pooled := (x + y) / (n + m)
	if n == 0 || m == 0 || pooled == 0 || pooled == 1 {
		return 0
	}
	return (x/n - y/m) / math.Sqrt(pooled*(1-pooled)*(1/n+1/m))
}
