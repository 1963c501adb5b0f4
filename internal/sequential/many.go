package sequential

import (
	"cmp"
	"math"
	"slices"
)

// EBH returns the indexes, rising, of the hypotheses that the e-values reject
// with a false discovery rate of at most alpha, under any dependence (Wang and
// Ramdas 2022): the k largest, for the largest k whose k-th e-value is at least
// n/(alpha k).
func EBH(es []float64, alpha float64) []int {
	order := make([]int, len(es))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(es[b], es[a]) })
	for k := len(order); k > 0; k-- {
		if es[order[k-1]] >= float64(len(es))/(alpha*float64(k)) {
			rejected := slices.Clone(order[:k])
			slices.Sort(rejected)
			return rejected
		}
	}
	return nil
}

// Limit is what no anytime-valid test can beat on average.
type Limit struct {
	Information float64 // between version and outcome, nats per request
	Requests    float64 // of both versions, until alpha is reached
	Known       float64 // of the candidate, if the baseline were known exactly
}

// InformationLimit returns the least expected traffic to tell a share of
// outcomes p1 of a candidate with a share pi of traffic from the baseline's p0
// at level alpha, in requests of both versions: log(1/alpha) over the mutual
// information between version and outcome in nats per request,
//
//	I = pi KL(p1 || q) + (1 - pi) KL(p0 || q),  q = pi p1 + (1 - pi) p0
//
// (Wald's inequality for the mixture null), for independent requests.
func InformationLimit(p0, p1, pi, alpha float64) Limit {
	mixed := pi*p1 + (1-pi)*p0
	information := pi*divergence(p1, mixed) + (1-pi)*divergence(p0, mixed)
	need := math.Log(1 / alpha)
	return Limit{Information: information, Requests: need / information, Known: need / divergence(p1, p0)}
}

// divergence is Kullback and Leibler's between two Bernoulli distributions.
func divergence(p, q float64) float64 {
	return term(p, q) + term(1-p, 1-q)
}

func term(p, q float64) float64 {
	if p == 0 {
		return 0
	}
	return p * math.Log(p/q)
}
