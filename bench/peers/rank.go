package peers

import (
	"math"
	"time"

	"github.com/stagger-dev/stagger"
)

// Rank is the test of Mann and Whitney on the latencies of all requests so far,
// bucket by bucket, one-sided and with the correction for ties (Mann and Whitney
// 1947; Lehmann, "Nonparametrics", 1975, section 1.4). It is the fixed-sample
// test whose repeated use Netflix describes as the problem of peeking
// ("Sequential A/B testing keeps the world streaming", 2024).
type Rank struct {
	alpha float64
	every
	all Sample
}

// NewRank returns a test that looks every period, at level alpha each time.
func NewRank(alpha float64, length time.Duration) *Rank {
	return &Rank{alpha: alpha, every: every{period: length}}
}

// Observe implements Peer.
func (r *Rank) Observe(s Sample) bool {
	full, ok := r.gather(s)
	if !ok {
		return false
	}
	r.all.Baseline = r.all.Baseline.add(full.Baseline)
	r.all.Candidate = r.all.Candidate.add(full.Candidate)
	return upper(ranks(r.all.Baseline.Latency, r.all.Candidate.Latency)) < r.alpha
}

// ranks is the z of the rank sum of b's durations among those of both; 0 where
// nothing can be compared.
func ranks(a, b stagger.Histogram) float64 {
	n, m := float64(a.Count()), float64(b.Count())
	all := n + m
	var wins, tied, below float64 // below: durations of a that are shorter
	wins += float64(a.Zero) * float64(b.Zero) / 2
	zero := float64(a.Zero + b.Zero)
	tied += zero*zero*zero - zero
	below += float64(a.Zero)
	i := 0
	take := func(index int32) float64 { // counts of a's bucket index, and what lies before it into below
		for ; i < len(a.Buckets) && a.Buckets[i].Index < index; i++ {
			t := float64(a.Buckets[i].Count)
			below += t
			tied += t*t*t - t
		}
		if i < len(a.Buckets) && a.Buckets[i].Index == index {
			i++
			return float64(a.Buckets[i-1].Count)
		}
		return 0
	}
	for _, bucket := range b.Buckets {
		same, count := take(bucket.Index), float64(bucket.Count)
		wins += count * (below + same/2)
		below += same
		t := same + count
		tied += t*t*t - t
	}
	take(math.MaxInt32)
	if n == 0 || m == 0 {
		return 0
	}
	variance := n * m / 12 * (all + 1 - tied/(all*(all-1)))
	if variance <= 0 {
		return 0
	}
	return (wins - n*m/2) / math.Sqrt(variance)
}
