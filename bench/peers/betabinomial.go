package peers

import "math"

// BetaBinomial is the sequential test of counts of Lindon and Malek,
// "Anytime-valid inference for multinomial count data" (NeurIPS 2022): if the
// versions are alike, each failure is the candidate's with the probability that
// its requests have. The e-value mixes over other probabilities with a beta
// prior around the known one, and alarms at 1/alpha when the candidate has more
// than its share. It knows the split from the plan, not from the requests.
type BetaBinomial struct {
	alpha         float64
	concentration float64
	log           float64 // of the e-value before the share last changed
	share         float64
	hits, others  float64 // failures since then
}

// NewBetaBinomial returns a test at level alpha; the prior weighs as much as
// concentration failures.
func NewBetaBinomial(alpha, concentration float64) *BetaBinomial {
	return &BetaBinomial{alpha: alpha, concentration: concentration}
}

// Observe implements Peer.
func (b *BetaBinomial) Observe(s Sample) bool {
	if s.Share != b.share {
		b.log += b.now() // the product of e-values is one
		b.share, b.hits, b.others = s.Share, 0, 0
	}
	b.hits += float64(s.Candidate.Failed)
	b.others += float64(s.Baseline.Failed)
	return b.hits > b.share*(b.hits+b.others) && b.log+b.now() >= math.Log(1/b.alpha)
}

// now is the logarithm of the e-value of the failures since the share changed.
func (b *BetaBinomial) now() float64 {
	if b.hits+b.others == 0 {
		return 0
	}
	return betaBinomial(b.hits, b.others, b.share, b.concentration)
}

// betaBinomial is the logarithm of the ratio of the beta-binomial to the binomial
// chance of hits among hits and others.
func betaBinomial(hits, others, share, concentration float64) float64 {
	a, b := concentration*share, concentration*(1-share)
	return logBeta(a+hits, b+others) - logBeta(a, b) - hits*math.Log(share) - others*math.Log1p(-share)
}

func logBeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}
