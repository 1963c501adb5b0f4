package sequential

import (
	"math"
	"sort"
)

// QuantileABPValue returns a p-value, valid at all times at once, for "both
// samples have the same q-quantile" (Howard and Ramdas 2022). a and b are
// sorted; the mixtures are tightest after nOpt values of each at level
// alphaOpt. It needs the values themselves: on bucket edges it rejects equal
// quantiles, since no edge is the quantile of either.
func QuantileABPValue(a, b []float64, q, nOpt, alphaOpt float64) float64 {
	mixture := NewBetaBinomial(q*(1-q)*nOpt, alphaOpt, q, 1-q, false)
	least := math.Inf(1)
	for _, values := range [][]float64{a, b} {
		for _, x := range values {
			least = min(least, quantileLogE(mixture, a, q, x)+quantileLogE(mixture, b, q, x))
		}
	}
	return min(math.Exp(-least), 1)
}

// quantileLogE is the logarithm of the evidence against x being the q-quantile
// of what the sorted values come from: the least over the shares of values
// below x that are possible, as x may lie on a value.
func quantileLogE(mixture BetaBinomial, values []float64, q, x float64) float64 {
	n := float64(len(values))
	below := float64(sort.SearchFloat64s(values, x))
	upTo := float64(sort.Search(len(values), func(i int) bool { return values[i] > x }))
	least := math.Inf(1)
	for _, rank := range []float64{below, upTo, math.Floor(q * n), math.Ceil(q * n)} {
		rank = min(max(rank, below), upTo)
		least = min(least, mixture.LogValue(rank-q*n, q*(1-q)*n))
	}
	return least
}
