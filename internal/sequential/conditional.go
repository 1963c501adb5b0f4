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

// Moments is the moment function of the hypergeometric distribution of a
// table's hits given its margins, made ready to be asked at many tilts:
//
//	M(psi) = sum over k of C(x,k) C(N-x,n-k) / C(N,n) psi^k,  psi = exp(tilt).
//
// Under an odds ratio OR the hits have weights proportional to OR^k (Fisher's
// noncentral hypergeometric distribution).
type Moments struct {
	table     Table
	low, high int // that the hits can be
	all       float64
	few       [fewHits + 1]float64 // the distribution from low on, where it fits
}

// fewHits is how far the hits of a table may vary for its distribution to be
// written out.
const fewHits = 24

// Moments makes the moment function of t, ready for several tilts.
func (t Table) Moments() Moments {
	m := Moments{table: t, low: t.least(), high: min(t.Outcomes, t.Candidate)}
	switch {
	case t.Empty():
	case m.high-m.low <= fewHits:
		m.writeOut()
	default:
		m.all = logChoose(t.Total, t.Candidate)
	}
	return m
}

// writeOut computes the distribution by the ratio of neighbouring terms. With
// so few of them none is too large or too small for a number.
func (m *Moments) writeOut() {
	k := float64(m.low)
	hit, miss, other := k, float64(m.table.Candidate)-k, float64(m.table.Outcomes)-k
	rest := float64(m.table.Total-m.table.Outcomes) - miss
	terms := m.few[:m.high-m.low+1]
	terms[0] = 1
	sum := 1.0
	for i := range terms[1:] {
		hit, rest = hit+1, rest+1
		terms[i+1] = terms[i] * other * miss / (hit * rest)
		sum += terms[i+1]
		other, miss = other-1, miss-1
	}
	for i := range terms {
		terms[i] /= sum
	}
}

// Log returns the logarithm of the moment function at a tilt. It sums outward
// from the tilted mode by the ratio of neighbouring terms, so it needs
// log-factorials once and loses nothing at any size; few terms it sums by
// Horner's rule.
func (m *Moments) Log(tilt float64) float64 {
	switch {
	case tilt == 0:
		return 0 // the weights of a distribution
	case m.low == m.high || m.table.Empty():
		return tilt * float64(m.low) // k cannot vary
	case m.high-m.low <= fewHits:
		psi, sum := math.Exp(tilt), 0.0
		for i := m.high - m.low; i >= 0; i-- {
			sum = sum*psi + m.few[i]
		}
		return tilt*float64(m.low) + math.Log(sum)
	default:
		return m.outward(tilt)
	}
}

func (m *Moments) outward(tilt float64) float64 {
	var (
		t           = m.table
		total, n, x = float64(t.Total), float64(t.Candidate), float64(t.Outcomes)
		psi         = math.Exp(tilt)
		mode        = min(max(tiltedMode(total, n, x, psi), m.low), m.high)
		k           = float64(mode)
		sum         = 1.0
	)
	// What neighbouring terms differ by: hits and misses of the candidate's,
	// hits and misses of the baseline's.
	hit, miss, other, rest := k, n-k, x-k, total-x-n+k
	sum += tail(other, miss, hit+1, rest+1, psi, m.high-mode, sum)
	sum += tail(hit, rest, other+1, miss+1, 1/psi, mode-m.low, sum)
	return logChoose(t.Outcomes, mode) + logChoose(t.Total-t.Outcomes, t.Candidate-mode) -
		m.all + tilt*k + math.Log(sum)
}

// LogM returns the logarithm of the moment function at one tilt.
func (t Table) LogM(tilt float64) float64 {
	m := t.Moments()
	return m.Log(tilt)
}

// negligible is the share of a sum below which its terms are left out: what
// rounding makes of log-factorials is larger.
const negligible = 1e-14

// tail sums up to steps terms to one side of a mode of weight 1, of which each
// is the one before it times a b psi / (c d), with a and b falling by one and c
// and d rising.
func tail(a, b, c, d, psi float64, steps int, before float64) float64 {
	sum, least := 0.0, negligible*before
	for term := 1.0; steps > 0 && term > least; steps-- {
		term *= a * b * psi / (c * d)
		sum += term
		a, b, c, d = a-1, b-1, c+1, d+1
	}
	return sum
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
