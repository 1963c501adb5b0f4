package sequential

import "math"

// BetaBinomial is the beta-binomial mixture supermartingale for sums of
// centred Bernoulli outcomes: success moves the sum by h, failure by -g. It
// bounds fractions and quantiles uniformly over time (Howard, Ramdas,
// McAuliffe, Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic
// confidence sequences").
type BetaBinomial struct {
	g, h, r  float64
	oneSided bool
	norm     float64
}

// NewBetaBinomial tunes the mixture to be tightest at variance vOpt for level
// alphaOpt, both fixed beforehand. For outcomes of probability p the sum of
// centred outcomes has g = p and h = 1 - p and the variance p (1-p) n after n of
// them; one-sided it bets on increases only.
func NewBetaBinomial(vOpt, alphaOpt, g, h float64, oneSided bool) BetaBinomial {
	level := alphaOpt
	if oneSided {
		level = 2 * alphaOpt
	}
	odds := 2 * math.Log(1/level)
	rho := vOpt / (odds + math.Log(1+odds))
	b := BetaBinomial{g: g, h: h, r: max(rho-g*h, 1e-3*g*h), oneSided: oneSided}
	b.norm = b.logBeta(b.r/(g*(g+h)), b.r/(h*(g+h)))
	return b
}

// logBeta is the logarithm of the beta function, incomplete at h/(g+h) when
// only increases count.
func (b BetaBinomial) logBeta(p, q float64) float64 {
	if b.oneSided {
		return logIncompleteBeta(p, q, b.h/(b.g+b.h))
	}
	return logBeta(p, q)
}

// LogValue returns the logarithm of the mixture at sum s and variance v,
//
//	v/(gh) log(g+h) - k log g - m log h + log B(r/(g(g+h)) + m, r/(h(g+h)) + k) - log B0,
//
// with k = v/(h(g+h)) + s/(g+h) successes, m = v/(g(g+h)) - s/(g+h) failures, B the
// beta function, incomplete at h/(g+h) when one-sided, and B0 its value at the
// start. It is a supermartingale for independent outcomes that starts at 1.
func (b BetaBinomial) LogValue(s, v float64) float64 {
	var (
		g, h, width = b.g, b.h, b.g + b.h
		successes   = v/(h*width) + s/width
		failures    = v/(g*width) - s/width
	)
	return v/(g*h)*math.Log(width) - successes*math.Log(g) - failures*math.Log(h) +
		b.logBeta(b.r/(g*width)+failures, b.r/(h*width)+successes) - b.norm
}

// Bound returns the sum that the process stays below for ever with
// probability 1 - alpha, at variance v.
func (b BetaBinomial) Bound(v, alpha float64) float64 {
	most := v / b.g // nothing but successes
	limit := math.Log(1 / alpha)
	if b.LogValue(most, v) < limit {
		return most
	}
	return bisect(0, most, func(s float64) bool { return b.LogValue(s, v) < limit })
}

// bisect returns the point between low and high up to which below holds.
func bisect(low, high float64, below func(float64) bool) float64 {
	for range 60 {
		middle := low + (high-low)/2
		if below(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

func logBeta(p, q float64) float64 {
	a, _ := math.Lgamma(p)
	b, _ := math.Lgamma(q)
	c, _ := math.Lgamma(p + q)
	return a + b - c
}

// logIncompleteBeta returns the logarithm of the integral of
// t^(p-1) (1-t)^(q-1) from 0 to x, by the continued fraction (Lentz) on the
// side where it converges fast.
func logIncompleteBeta(p, q, x float64) float64 {
	switch {
	case x <= 0:
		return math.Inf(-1)
	case x >= 1:
		return logBeta(p, q)
	}
	front := p*math.Log(x) + q*math.Log1p(-x)
	if x < (p+1)/(p+q+2) {
		return front - math.Log(p) + math.Log(betaFraction(p, q, x))
	}
	rest := front - math.Log(q) + math.Log(betaFraction(q, p, 1-x)) - logBeta(p, q)
	return logBeta(p, q) + math.Log1p(-math.Exp(rest))
}

// betaFraction evaluates the continued fraction of the incomplete beta
// function (NIST DLMF 8.17.22).
func betaFraction(p, q, x float64) float64 {
	const tiny = 1e-300
	c, d := 1.0, 1-(p+q)*x/(p+1)
	if math.Abs(d) < tiny {
		d = tiny
	}
	d = 1 / d
	f := d
	for m := 1.0; m < 10_000; m++ {
		for _, term := range [2]float64{
			m * (q - m) * x / ((p + 2*m - 1) * (p + 2*m)),
			-(p + m) * (p + q + m) * x / ((p + 2*m) * (p + 2*m + 1)),
		} {
			if d = 1 + term*d; math.Abs(d) < tiny {
				d = tiny
			}
			if c = 1 + term/c; math.Abs(c) < tiny {
				c = tiny
			}
			d = 1 / d
			f *= c * d
		}
		if math.Abs(c*d-1) < 1e-15 {
			break
		}
	}
	return f
}
