package sequential

import "math"

// FractionInterval bounds the probability of an outcome seen k times in n
// independent trials, at all times at once with confidence 1 - alpha: the p that
// the mean of the two-sided beta-binomial mixtures for "the probability is p"
// does not reject,
//
//	log mean exp LogValue(k - n p, n p (1-p)) < log(1/alpha).
//
// Each mixture is tightest near one of nOpts, numbers of trials that are fixed
// beforehand if the interval is looked at more than once; several of them cost
// the logarithm of how many there are, and are never far from the best (Howard
// and others 2021; a mean of supermartingales is one). Nothing seen gives 0 and 1.
func FractionInterval(k, n int, alpha float64, nOpts ...float64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	share := float64(k) / float64(n)
	limit := math.Log(1 / alpha)
	inside := func(p float64) bool {
		variance := p * (1 - p)
		b := blendOf(p, 1-p, nOpts)
		return b.log(float64(k)-float64(n)*p, variance*float64(n)) < limit
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
// with confidence 1 - alpha: the sums at which the mean of two-sided beta-binomial
// mixtures, with g and h exchanged for the side below, reaches 1/alpha at variance
// p (1-p) n, over n (Howard and Ramdas 2022, "Sequential estimation of
// quantiles"). As for nOpts, see FractionInterval. Nothing seen gives 1 and 1.
func QuantileRadius(n int, p, alpha float64, nOpts ...float64) (below, above float64) {
	if n == 0 {
		return 1, 1
	}
	v := p * (1 - p) * float64(n)
	lower, upper := blendOf(1-p, p, nOpts), blendOf(p, 1-p, nOpts)
	return lower.bound(v, alpha) / float64(n), upper.bound(v, alpha) / float64(n)
}

// mostBlended is how many mixtures are averaged at the most.
const mostBlended = 4

// blend is the mean of beta-binomial mixtures that are tightest at different
// times.
type blend struct {
	of [mostBlended]BetaBinomial
	n  int
}

// blendOf tunes a mixture to each of nOpts, of which there are mostBlended at the
// most.
func blendOf(g, h float64, nOpts []float64) blend {
	var b blend
	for _, n := range nOpts[:min(len(nOpts), mostBlended)] {
		b.of[b.n] = NewBetaBinomial(g*h*n, 0.05, g, h, false)
		b.n++
	}
	return b
}

// log is the logarithm of the mean at sum s and variance v.
func (b *blend) log(s, v float64) float64 {
	var logs [mostBlended]float64
	for i := range b.n {
		logs[i] = b.of[i].LogValue(s, v)
	}
	return LogMeanExp(logs[:b.n])
}

// bound is the sum that the process stays below for ever with probability
// 1 - alpha, at variance v.
func (b *blend) bound(v, alpha float64) float64 {
	most, limit := v/b.of[0].g, math.Log(1/alpha) // nothing but successes at the most
	if b.log(most, v) < limit {
		return most
	}
	return bisect(0, most, func(s float64) bool { return b.log(s, v) < limit })
}
