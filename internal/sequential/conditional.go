package sequential

import "math"

// Table is one two-by-two table: of Total requests in one tick and stratum,
// Candidate met the candidate; Outcomes of all had the outcome, Hits of those
// among the candidate's.
type Table struct {
	Total, Candidate, Outcomes, Hits int
}

// Empty says whether the margins leave nothing to compare: no outcome at all,
// nothing but outcomes, or one version alone.
func (t Table) Empty() bool {
	return t.Outcomes == 0 || t.Outcomes == t.Total || t.Candidate == 0 || t.Candidate == t.Total
}

// LogM returns the logarithm of the moment function of the hypergeometric
// distribution of the hits given the margins,
//
//	M(psi) = sum over k of C(x,k) C(N-x,n-k) / C(N,n) psi^k,  psi = exp(tilt).
//
// It sums outward from the tilted mode by the ratio of neighbouring terms, so
// it needs log-factorials once and loses nothing at any size. Under an odds
// ratio OR the hits have weights proportional to OR^k (Fisher's noncentral
// hypergeometric distribution).
func (t Table) LogM(tilt float64) float64 {
	if t.Empty() {
		return tilt * float64(t.least()) // k cannot vary
	}
	var (
		total, n, x = float64(t.Total), float64(t.Candidate), float64(t.Outcomes)
		psi         = math.Exp(tilt)
		low, high   = t.least(), min(t.Outcomes, t.Candidate)
		mode        = min(max(tiltedMode(total, n, x, psi), low), high)
		others      = total - x - n
		sum         = 1.0
	)
	for k, term := float64(mode), 1.0; int(k) < high && term > 1e-16*sum; k++ {
		term *= (x - k) * (n - k) * psi / ((k + 1) * (others + k + 1))
		sum += term
	}
	for k, term := float64(mode), 1.0; int(k) > low && term > 1e-16*sum; k-- {
		term *= k * (others + k) / ((x - k + 1) * (n - k + 1) * psi)
		sum += term
	}
	return logChoose(t.Outcomes, mode) + logChoose(t.Total-t.Outcomes, t.Candidate-mode) -
		logChoose(t.Total, t.Candidate) + tilt*float64(mode) + math.Log(sum)
}

// least is the smallest number of hits the margins allow.
func (t Table) least() int { return max(0, t.Outcomes-(t.Total-t.Candidate)) }

// tiltedMode returns the k at which neighbouring terms are about equal: a root
// of (1-psi)k^2 + (N-x-n+psi(x+n))k - psi x n.
func tiltedMode(total, n, x, psi float64) int {
	b := total - x - n + psi*(x+n)
	c := psi * x * n
	return int(2 * c / (b + math.Sqrt(max(b*b+4*(1-psi)*c, 0))))
}

// LogE returns the logarithm of the conditional e-value of the hits for the
// null that the odds ratio is at most exp(null), against exp(alternative):
//
//	log e = k (alternative - null) + log M(null) - log M(alternative).
//
// It is exact for any traffic split, base rate and size, since log M is convex
// in the tilt; with alternative < null it tests that the odds ratio is at
// least exp(null). An empty table gives 0.
func (t Table) LogE(null, alternative float64) float64 {
	if t.Empty() {
		return 0
	}
	return float64(t.Hits)*(alternative-null) + t.LogM(null) - t.LogM(alternative)
}
