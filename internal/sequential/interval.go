package sequential

import "math"

// FractionInterval bounds the probability of an outcome seen k times in n
// independent trials, at all times at once with confidence 1 - alpha: the p that
// the two-sided beta-binomial mixture for "the probability is p" does not reject,
//
//	LogValue(k - n p, n p (1-p)) < log(1/alpha),
//
// tightest near nOpt trials, which is fixed beforehand if the interval is looked
// at more than once (Howard and others 2021).
func FractionInterval(k, n int, alpha float64, nOpt float64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	share := float64(k) / float64(n)
	limit := math.Log(1 / alpha)
	inside := func(p float64) bool {
		variance := p * (1 - p)
		mixture := NewBetaBinomial(variance*nOpt, 0.05, p, 1-p, false)
		return mixture.LogValue(float64(k)-float64(n)*p, variance*float64(n)) < limit
	}
	const edge = 1e-12
	low, high = 0, 1
	if k > 0 {
		low = share - bisect(0, share-edge, func(d float64) bool { return inside(share - d) })
	}
	if k < n {
		high = share + bisect(0, 1-share-edge, func(d float64) bool { return inside(share + d) })
	}
	return max(low, 0), min(high, 1)
}

// QuantileRadius returns how far, as a share of n, the rank of the p-quantile
// of n independent observations may lie below and above p, at all times at once
// with confidence 1 - alpha: the bounds of one-sided beta-binomial mixtures at
// variance p (1-p) n, with g and h exchanged for the side below, over n (Howard
// and Ramdas 2022, "Sequential estimation of quantiles"). Tightest near nOpt.
func QuantileRadius(n int, p, alpha, nOpt float64) (below, above float64) {
	if n == 0 {
		return 1, 1
	}
	variance := p * (1 - p)
	lower := NewBetaBinomial(variance*nOpt, 0.05, 1-p, p, false)
	upper := NewBetaBinomial(variance*nOpt, 0.05, p, 1-p, false)
	v := variance * float64(n)
	return lower.Bound(v, alpha) / float64(n), upper.Bound(v, alpha) / float64(n)
}
