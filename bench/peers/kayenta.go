package peers

import (
	"math"
	"slices"
	"time"
)

// Kayenta's classifier of a metric compares two series of points, one a minute,
// by the test of Mann and Whitney. Its rules, as published (spinnaker.io, "How
// canary judgment works"; github.com/spinnaker/kayenta, MannWhitneyClassifier
// and NetflixACAJudge): a confidence interval of 98% for the shift between the
// series, by the normal approximation with corrections for ties and
// continuity; the candidate is High when the whole interval lies above a quarter
// of the absolute value of the estimated shift. Equal series pass.
const (
	kayentaConfidence = 0.98
	kayentaTolerance  = 0.25
)

// Kayenta judges a series of a metric over a growing window.
type Kayenta struct {
	every
	schedule
	metric              func(Side) float64
	baseline, candidate []float64
}

// NewKayenta returns the classifier, which looks each period from a time on; its
// points are a minute each. The metric is one of Failures and P99.
func NewKayenta(from, length time.Duration, metric func(Side) float64) *Kayenta {
	return &Kayenta{every: every{period: time.Minute}, schedule: schedule{length: length, from: from}, metric: metric}
}

// Failures is the series of the share of failed requests.
func Failures(s Side) float64 { return s.failures() }

// P99 is the series of the 99th percentile, in seconds.
func P99(s Side) float64 { return s.p99() }

// Observe implements Peer.
func (k *Kayenta) Observe(s Sample) bool {
	full, ok := k.gather(s)
	if !ok {
		return false
	}
	k.baseline = append(k.baseline, k.metric(full.Baseline))
	k.candidate = append(k.candidate, k.metric(full.Candidate))
	return k.due(s.At) && High(k.baseline, k.candidate)
}

// High says whether the classifier calls the candidate's series too high.
func High(baseline, candidate []float64) bool {
	if len(baseline) == 0 || len(candidate) == 0 || slices.Equal(baseline, candidate) {
		return false
	}
	low, estimate := shift(baseline, candidate)
	return low > kayentaTolerance*math.Abs(estimate)
}

// shift estimates by how much the candidate's series lies above the baseline's:
// the median of all pairwise differences (Hodges and Lehmann 1963), and the lower
// end of its interval. That end is the difference at which the standardised rank
// sum of the candidate, less that difference, falls to the quantile.
func shift(baseline, candidate []float64) (low, estimate float64) {
	pairs := make([]float64, 0, len(baseline)*len(candidate))
	for _, x := range candidate {
		for _, y := range baseline {
			pairs = append(pairs, x-y)
		}
	}
	slices.Sort(pairs)
	n := len(pairs)
	estimate = (pairs[(n-1)/2] + pairs[n/2]) / 2
	// 2.3263 leaves one hundredth above it: half of what 98% leave out.
	const z = 2.3263478740408408
	rank := int(math.Ceil(float64(n)/2 - 0.5 - z*spread(baseline, candidate)))
	return pairs[min(max(rank, 1), n)-1], estimate
}

// spread is the standard deviation of the rank sum, ties within either series
// considered; those between them are gone at almost every shift.
func spread(a, b []float64) float64 {
	n, m := float64(len(a)), float64(len(b))
	all := n + m
	if all < 2 {
		return 0
	}
	tied := ties(a) + ties(b)
	return math.Sqrt(n * m / 12 * (all + 1 - tied/(all*(all-1))))
}

// ties is the sum of t^3 - t over groups of t equal values.
func ties(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	sum, run := 0.0, 1.0
	for i := 1; i <= len(sorted); i++ {
		if i < len(sorted) && sorted[i] == sorted[i-1] {
			run++
			continue
		}
		sum += run*run*run - run
		run = 1
	}
	return sum
}
