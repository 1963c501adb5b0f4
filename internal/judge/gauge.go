package judge

import (
	"math"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// Gauges come from few instances, follow themselves closely and differ between
// hosts for good, so time points are no samples. What is left is a bet on a
// bounded value: of every block of 15 s the logarithm, to base 2, of the
// candidate's mean over the baseline's, cut off at half and at double. Its mean
// given the past must not exceed the margin, log2(1 + tolerance); that is all
// that is assumed (Waudby-Smith and Ramdas 2024).
const (
	gaugeBlock = 15 * time.Second
	// overLimit is how many blocks in a row a gauge must stay beyond its limit.
	overLimit = 3
)

// fractions are the stakes of the bets; the bold ones stand twice, so that they
// are as many as tilts.
var fractions = [len(sequential.Tilts)]float64{1.0 / 16, 1.0 / 8, 1.0 / 8, 1.0 / 4, 1.0 / 4, 1.0 / 2, 1.0 / 2}

// level gathers the readings of one metric.
type level struct {
	Number int64         `json:"number"` // of the block, since the epoch
	Sum    [arms]float64 `json:"sum"`
	N      [arms]int     `json:"n"`
	Last   [arms]float64 `json:"last"`           // means of the last block that had both
	Newest float64       `json:"newest"`         // the candidate's mean in the last block
	Over   int           `json:"over,omitempty"` // blocks in a row beyond the limit
}

// observe takes in the readings of a batch. When a block is over it returns the
// value of the bet on it.
func (l *level) observe(at time.Time, sum *[arms]float64, n *[arms]int, g stagger.Guardrail) (x float64, ok bool) {
	if number := at.UnixNano() / int64(gaugeBlock); number != l.Number {
		x, ok = l.close(g)
		l.Number, l.Sum, l.N = number, [arms]float64{}, [arms]int{}
	}
	for side := range l.Sum {
		l.Sum[side] += sum[side]
		l.N[side] += n[side]
	}
	return x, ok
}

// close compares the means of a block; it is not ok when a side told nothing,
// which says nothing about the candidate.
func (l *level) close(g stagger.Guardrail) (x float64, ok bool) {
	if l.N[armCandidate] == 0 {
		return 0, false
	}
	candidate := l.Sum[armCandidate] / float64(l.N[armCandidate])
	l.Newest = candidate
	if g.Limit > 0 && candidate > g.Limit {
		l.Over++
	} else {
		l.Over = 0
	}
	if l.N[armBaseline] == 0 {
		return 0, false
	}
	baseline := l.Sum[armBaseline] / float64(l.N[armBaseline])
	l.Last = [arms]float64{baseline, candidate}
	return beyondMean(candidate, max(baseline, g.Floor)), true
}

// beyondMean is log2(a/b), cut off at -1 and 1. Of what is not above nothing it is
// an extreme.
func beyondMean(a, b float64) float64 {
	switch {
	case a <= 0:
		return -1
	case b <= 0:
		return 1
	}
	return min(max(math.Log2(a)-math.Log2(b), -1), 1)
}

// bets are the e-values of a block for "the mean excess is at most that of the
// tolerance".
func bets(x, tolerance float64) (out [len(sequential.Tilts)]float64) {
	margin := min(math.Log2(1+max(tolerance, 0)), 1)
	for i, l := range fractions {
		out[i] = 1 + l/(1+margin)*(x-margin)
	}
	return out
}
