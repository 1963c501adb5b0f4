package sequential

import "math"

// This file holds the mixtures and stitched bounds of Howard, Ramdas,
// McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
// sequences" (Annals of Statistics 2021), that charts and comparisons with the
// literature need. v is the variance accumulated so far (intrinsic time), s the
// sum of centred observations, in the observations' own unit; the mixtures are
// supermartingales in (s, v) that start at 1, and a bound is the sum at which one
// reaches 1/alpha. vOpt and alphaOpt, where a mixture is tightest, are fixed
// beforehand: a choice that follows the data voids the guarantee.

// bestRho tunes a normal mixture to be tightest at variance v for level alpha.
func bestRho(v, alpha float64) float64 {
	odds := 2 * math.Log(1/alpha)
	return v / (odds + math.Log(1+odds))
}

// tuned is bestRho of a one-sided or a two-sided mixture.
func tuned(vOpt, alphaOpt float64, oneSided bool) float64 {
	if oneSided {
		return bestRho(vOpt, 2*alphaOpt)
	}
	return bestRho(vOpt, alphaOpt)
}

// NormalLogMixture is the logarithm of the normal mixture for sums whose
// increments are sub-Gaussian with variance proxy v,
//
//	log sqrt(rho / (v + rho)) + s^2 / (2 (v + rho)),
//
// one-sided, which bets on increases only, with log(2 Phi(s / sqrt(v + rho)))
// added; rho is vOpt / (2 log(1/a) + log(1 + 2 log(1/a))) for a = alphaOpt, twice
// that one-sided (Howard and others 2021).
func NormalLogMixture(s, v, vOpt, alphaOpt float64, oneSided bool) float64 {
	rho := tuned(vOpt, alphaOpt, oneSided)
	log := 0.5*math.Log(rho/(v+rho)) + s*s/(2*(v+rho))
	if oneSided {
		log += math.Log(2 * normalCDF(s/math.Sqrt(v+rho)))
	}
	return log
}

func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// NormalMixtureBound is the sum at which NormalLogMixture is log(1/alpha): a
// sub-Gaussian process stays below it for ever with probability 1 - alpha
// (Ville's inequality).
func NormalMixtureBound(v, alpha, vOpt, alphaOpt float64, oneSided bool) float64 {
	limit, high := math.Log(1/alpha), 1.0
	for NormalLogMixture(high, v, vOpt, alphaOpt, oneSided) < limit {
		high *= 2
	}
	return bisect(0, high, func(s float64) bool { return NormalLogMixture(s, v, vOpt, alphaOpt, oneSided) < limit })
}

// GammaPoissonLogMixture is the logarithm of the gamma mixture for sums that are
// sub-Poisson of scale c, such as counts less their mean. With b0 = rho/c^2 and
// b = (v + rho)/c^2,
//
//	L(b0, b0) - L(b + s/c, b) + v/c^2,  L(a, b) = a log b - log(Gamma(a) Q(a, b)),
//
// where Q is the regularised upper incomplete gamma function (Howard and others
// 2021). One-sided: it bets on increases.
func GammaPoissonLogMixture(s, v, vOpt, c, alphaOpt float64) float64 {
	var (
		rho    = tuned(vOpt, alphaOpt, true)
		shape  = rho / (c * c)
		square = c * c
	)
	return leakyGamma(shape, shape) - leakyGamma((v+rho)/square+s/c, (v+rho)/square) + v/square
}

// leakyGamma is a log b - log Gamma(a) - log Q(a, b), the normaliser of a gamma
// prior cut off below.
func leakyGamma(a, b float64) float64 {
	gamma, _ := math.Lgamma(a)
	return a*math.Log(b) - gamma - math.Log(upperGamma(a, b))
}

// GammaExponentialLogMixture is the logarithm of the gamma mixture for sums that
// are sub-exponential of scale c, hence also for sub-gamma ones. With
// b0 = rho/c^2, b = (v + rho)/c^2, x = (c s + v + rho)/c^2 and P = 1 - Q,
//
//	log(b0^b0 / (Gamma(b0) P(b0, b0))) + log(Gamma(b) P(b, x) / x^b) + (c s + v)/c^2
//
// (Howard and others 2021). One-sided: it bets on increases.
func GammaExponentialLogMixture(s, v, vOpt, c, alphaOpt float64) float64 {
	var (
		rho    = tuned(vOpt, alphaOpt, true)
		square = c * c
		start  = rho / square
		now    = (v + rho) / square
		at     = (c*s + v + rho) / square
	)
	prior, _ := math.Lgamma(start)
	posterior, _ := math.Lgamma(now)
	return start*math.Log(start) - prior - math.Log(1-upperGamma(start, start)) +
		posterior + math.Log(1-upperGamma(now, at)) - now*math.Log(at) + (c*s+v)/square
}

// upperGamma is the regularised upper incomplete gamma function Q(a, x), by
// its series or its continued fraction (NIST DLMF 8.11, 8.9).
func upperGamma(a, x float64) float64 {
	gamma, _ := math.Lgamma(a)
	front := math.Exp(a*math.Log(x) - x - gamma)
	if x < a+1 {
		term, sum := 1/a, 1/a
		for n := a + 1; term > 1e-17*sum; n++ {
			term *= x / n
			sum += term
		}
		return 1 - front*sum
	}
	b := x + 1 - a
	c, d := 1e300, 1/b
	f := d
	for i := 1.0; i < 100_000; i++ {
		step := -i * (i - a)
		b += 2
		d = 1 / (step*d + b)
		c = b + step/c
		f *= c * d
		if math.Abs(c*d-1) < 1e-16 {
			break
		}
	}
	return front * f
}

// PolyStitchingBound is the polynomial stitched bound for sub-gamma processes of
// scale c, uniform over all v >= vMin and flat below,
//
//	sqrt(k1^2 v l + k2^2 c^2 l^2) + k2 c l,
//	l = s log log(eta v / vMin) + log(zeta(s) / (alpha (log eta)^s)),
//	k1 = (eta^(1/4) + eta^(-1/4)) / sqrt 2,  k2 = (sqrt(eta) + 1) / 2,
//
// for s > 1 and eta > 1: the k-th of the epochs of ratio eta has a part of alpha
// in proportion to 1/k^s (Howard and others 2021).
func PolyStitchingBound(v, alpha, vMin, c, s, eta float64) float64 {
	v = max(v, vMin)
	var (
		first  = (math.Pow(eta, 0.25) + math.Pow(eta, -0.25)) / math.Sqrt2
		second = (math.Sqrt(eta) + 1) / 2
		cost   = s*math.Log(math.Log(eta*v/vMin)) + math.Log(zeta(s)/(alpha*math.Pow(math.Log(eta), s)))
	)
	return math.Sqrt(first*first*v*cost+second*second*c*c*cost*cost) + second*c*cost
}

// zeta is Riemann's, for s > 1, by Euler and Maclaurin.
func zeta(s float64) float64 {
	const n = 20.0
	sum := 0.0
	for k := 1.0; k < n; k++ {
		sum += math.Pow(k, -s)
	}
	sum += math.Pow(n, 1-s)/(s-1) + 0.5*math.Pow(n, -s) + s/12*math.Pow(n, -s-1)
	rising := s * (s + 1) * (s + 2)
	sum -= rising / 720 * math.Pow(n, -s-3)
	rising *= (s + 3) * (s + 4)
	return sum + rising/30240*math.Pow(n, -s-5)
}

// EmpiricalLILBound bounds, at all t >= tMin and all points at once, how far an
// empirical distribution function is from the true one:
//
//	A sqrt((log(1 + log(t/tMin)) + C) / t),
//
// as a share of observations, for t independent observations of one
// distribution, with C solved from alpha (Howard and Ramdas, "Sequential
// estimation of quantiles", Bernoulli 2022, theorem 2). Below tMin it is 1.
func EmpiricalLILBound(t, alpha, tMin, a float64) float64 {
	if t < tMin {
		return 1
	}
	return a * math.Sqrt((math.Log1p(math.Log(t/tMin))+lilConstant(alpha, a))/t)
}

// lilConstant is the least C whose error, minimised over the ratio of epochs,
// is alpha.
func lilConstant(alpha, a float64) float64 {
	return bisect(1, 60, func(c float64) bool { return leastError(a, c) > alpha })
}

// leastError minimises lilError over the ratio of epochs, by thirds: it falls
// and then rises.
func leastError(a, c float64) float64 {
	low, high := 1+1e-9, 2*a*a
	for range 200 {
		left, right := low+(high-low)/3, high-(high-low)/3
		if lilError(a, c, left) <= lilError(a, c, right) {
			high = right
		} else {
			low = left
		}
	}
	return lilError(a, c, low)
}

// lilError is the chance that the bound of constant c is ever crossed.
func lilError(a, c, eta float64) float64 {
	gamma := math.Sqrt(2/eta) * (a - math.Sqrt(2*(eta-1)/c))
	square := gamma * gamma
	if gamma <= 0 || square <= 1 {
		return math.Inf(1)
	}
	return 4 * math.Exp(-square*c) * (1 + 1/((square-1)*math.Log(eta)))
}

// DoubleStitchingBound bounds by how many of t independent observations the rank
// of the p-quantile may be off, uniformly over time and over all p: two stitched
// bounds, over epochs of ratio eta in time and over a grid of step delta on the
// logit scale, both with masses in proportion to 1/k^s,
//
//	delta sqrt(eta v t / tOpt) + sqrt(k1^2 v t l + g^2) + g,  g = k2 l (1 - 2p) / 3,
//
// with v the largest p(1-p) near p, and k1, k2 as in PolyStitchingBound (Howard
// and Ramdas 2022, theorem 3).
func DoubleStitchingBound(p, t, alpha, tOpt, delta, s, eta float64) float64 {
	var (
		level  = max(t, tOpt)
		logit  = math.Log(p / (1 - p))
		v      = spread(p, 2*delta*math.Sqrt(eta*tOpt/level))
		epochs = s*math.Log(math.Log(eta*level/tOpt)) +
			s*math.Log(math.Abs(logit)/(2*delta)*math.Sqrt(level/tOpt)+1) +
			math.Log(2*zeta(s)*(2*zeta(s)+1)/(alpha*math.Pow(math.Log(eta), s)))
		first  = (math.Pow(eta, 0.25) + math.Pow(eta, -0.25)) / math.Sqrt2
		second = (math.Sqrt(eta) + 1) / 2
		skew   = (1 - 2*p) / 3 * second * epochs
	)
	return delta*math.Sqrt(eta*v*level/tOpt) + math.Sqrt(first*first*v*level*epochs+skew*skew) + skew
}

// spread is the largest variance of an outcome of probability p or of what
// lies within radius of it, on the logit scale, towards one half.
func spread(p, radius float64) float64 {
	if p < 0.5 {
		p = min(0.5, logistic(math.Log(p/(1-p))+radius))
	}
	return p * (1 - p)
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// AsymptoticHalfWidth is half the width of the asymptotic confidence sequence of
// the mean of n observations, in their unit,
//
//	sqrt(variance 2 (n r + 1) / (n^2 r) log(sqrt(n r + 1) / alpha)),
//
// tightest at nOpt by r = (2 log(1/alpha) + log(1 + 2 log(1/alpha))) / nOpt
// (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit
// theory and asymptotic confidence sequences", 2024). It holds in the limit of
// many observations only; one-sided alpha is doubled.
func AsymptoticHalfWidth(variance, n, nOpt, alpha float64, twoSided bool) float64 {
	if !twoSided {
		alpha *= 2
	}
	odds := -2 * math.Log(alpha)
	rho2 := (odds + math.Log(odds+1)) / nOpt
	return math.Sqrt(variance * 2 * (n*rho2 + 1) / (n * n * rho2) * math.Log(math.Sqrt(n*rho2+1)/alpha))
}
