package sequential

import "math"

// BlockVoteLogE returns the logarithm of the e-value of one block in which
// outcomes may depend on each other in any way: the mean over its x outcomes of
// a bet that each is the candidate's,
//
//	e = 1 - c + c (k/x) / q0,  q0 = q psi0 / (1 - q + q psi0),
//
// for k of x outcomes the candidate's, a share q of traffic, and a stake c
// between 0 and 1; null is log psi0. It is one if, given x, each outcome is the
// candidate's with a chance of at most q0: a mean of e-values is one under any
// dependence (Vovk and Wang 2021). A block without outcomes gives 0.
func BlockVoteLogE(k, x int, q, null, stake float64) float64 {
	if x == 0 {
		return 0
	}
	psi := math.Exp(null)
	fair := q * psi / (1 - q + q*psi)
	return math.Log(1 - stake + stake*float64(k)/float64(x)/fair)
}

// ClusterLogE returns the logarithm of the e-value of bursts of known scores,
// each the candidate's with chance q:
//
//	e = exp(tilt * sum of the candidate's scores) / product of (1 - q + q exp(tilt s)),
//
// exact when bursts are independent of each other, whatever happens within one
// (the Laplace transform of a weighted sum of draws; Ville 1939).
func ClusterLogE(candidate, baseline []float64, q, tilt float64) float64 {
	log := 0.0
	for _, s := range candidate {
		log += tilt*s - math.Log1p(q*math.Expm1(tilt*s))
	}
	for _, s := range baseline {
		log -= math.Log1p(q * math.Expm1(tilt*s))
	}
	return log
}

// Dispersion measures on one version alone how much more its outcomes vary
// between G random groups, by block b, than independent outcomes would,
//
//	phi = sum_b sum_g (x_bg - x_b/G)^2 / sum_b x_b (1 - 1/G),
//
// 1 when they are independent and groups are alike: Pearson's statistic over its
// degrees of freedom, weighted by outcomes. Without outcomes it is 1.
func Dispersion(blocks [][]float64) float64 {
	squares, expected := 0.0, 0.0
	for _, groups := range blocks {
		total := 0.0
		for _, x := range groups {
			total += x
		}
		mean := total / float64(len(groups))
		for _, x := range groups {
			squares += (x - mean) * (x - mean)
		}
		expected += total * (1 - 1/float64(len(groups)))
	}
	if expected == 0 {
		return 1
	}
	return squares / expected
}

// SplitE returns the e-value of n subjects of whom k met the candidate for the
// null that each did with probability p by itself: the mean over g of Tilts, up
// and down, of
//
//	exp(k g) / (1 - p + p exp(g))^n.
//
// It tells a broken split, not a regression (Lindon and Malek 2022 have the same
// with a Dirichlet prior).
func SplitE(k, n int, p float64) float64 {
	var logs []float64
	for _, tilt := range Tilts {
		logs = append(logs, TiltLogE(k, n, p, tilt), TiltLogE(k, n, p, -tilt))
	}
	return math.Exp(LogMeanExp(logs))
}

// DirichletLogE returns the logarithm of the Dirichlet-multinomial e-value of
// counts for the null that subjects fall to versions with the given shares, which
// add up to 1, by themselves. With a = concentration,
//
//	log (Gamma(a) / Gamma(a + n)) + sum_i log (Gamma(a q_i + n_i) / Gamma(a q_i)) - n_i log q_i
//
// (Lindon and Malek, "Anytime-valid inference for multinomial count data", 2022).
func DirichletLogE(counts, shares []float64, concentration float64) float64 {
	total, log := 0.0, 0.0
	for i, n := range counts {
		total += n
		prior, _ := math.Lgamma(concentration * shares[i])
		posterior, _ := math.Lgamma(concentration*shares[i] + n)
		log += posterior - prior - n*math.Log(shares[i])
	}
	prior, _ := math.Lgamma(concentration)
	posterior, _ := math.Lgamma(concentration + total)
	return log + prior - posterior
}

// BetWealth returns the wealth of bets on the mean of bounded values exceeding
// a margin: the mean over the fractions l of the product of
//
//	1 + l/(1+m) (x - m),  x in [-1, 1],
//
// an e-process for "the conditional mean is at most m", without any other
// assumption (Waudby-Smith and Ramdas 2024).
func BetWealth(xs []float64, margin float64, fractions []float64) float64 {
	sum := 0.0
	for _, l := range fractions {
		wealth := 1.0
		for _, x := range xs {
			wealth *= 1 + l/(1+margin)*(x-margin)
		}
		sum += wealth
	}
	return sum / float64(len(fractions))
}
