package simulate

import (
	"math"
	"math/rand/v2"
)

// fewExpected is the mean from which counts are drawn by rejection; below it,
// walking up the distribution is quicker.
const fewExpected = 10

// poisson draws a count with the given mean, 0 or more.
func poisson(r *rand.Rand, mean float64) int {
	if mean < fewExpected {
		return poissonUp(r, mean, math.Exp(-mean))
	}
	return poissonRejected(r, mean)
}

// poissonUp walks up from zero, whose probability is none.
func poissonUp(r *rand.Rand, mean, none float64) int {
	k, p, left := 0, none, r.Float64()
	for left >= p && k < 1000 {
		left -= p
		k++
		p *= mean / float64(k)
	}
	return k
}

// poissonRejected is the transformed rejection PTRS of Hörmann, "The transformed
// rejection method for generating Poisson random variables" (1993).
func poissonRejected(r *rand.Rand, mean float64) int {
	var (
		root = math.Sqrt(mean)
		b    = 0.931 + 2.53*root
		a    = -0.059 + 0.02483*b
		sure = 0.9277 - 3.6224/(b-2)
	)
	for {
		u, v := r.Float64()-0.5, r.Float64()
		side := 0.5 - math.Abs(u)
		k := math.Floor((2*a/side+b)*u + mean + 0.43)
		if side >= 0.07 && v <= sure {
			return int(k)
		}
		if k < 0 || side < 0.013 && v > side {
			continue
		}
		scale := 1.1239 + 1.1328/(b-3.4) // seldom needed, as the logarithms are
		if math.Log(v*scale/(a/(side*side)+b)) <= k*math.Log(mean)-mean-logFactorial(k) {
			return int(k)
		}
	}
}

// binomial draws how many of n trials succeed, each with probability p.
func binomial(r *rand.Rand, n int, p float64) int {
	switch {
	case n <= 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - binomial(r, n, 1-p)
	case float64(n)*p < fewExpected:
		return binomialUp(r, n, p)
	}
	return binomialRejected(r, n, p)
}

// binomialUp walks up from zero.
func binomialUp(r *rand.Rand, n int, p float64) int {
	odds := p / (1 - p)
	k, q, left := 0, math.Exp(float64(n)*math.Log1p(-p)), r.Float64()
	for left >= q && k < n {
		left -= q
		q *= odds * float64(n-k) / float64(k+1)
		k++
	}
	return k
}

// binomialRejected is the transformed rejection BTRS of Hörmann, "The generation
// of binomial random variates" (1993), for p of one half at most.
func binomialRejected(r *rand.Rand, n int, p float64) int {
	var (
		trials = float64(n)
		root   = math.Sqrt(trials * p * (1 - p))
		b      = 1.15 + 2.53*root
		a      = -0.0873 + 0.0248*b + 0.01*p
		centre = trials*p + 0.5
		scale  = (2.83 + 5.1/b) * root
		sure   = 0.92 - 4.2/b
	)
	for {
		u, v := r.Float64()-0.5, r.Float64()
		side := 0.5 - math.Abs(u)
		k := math.Floor((2*a/side+b)*u + centre)
		if k < 0 || k > trials {
			continue
		}
		if side >= 0.07 && v <= sure {
			return int(k)
		}
		mode, odds := math.Floor((trials+1)*p), math.Log(p/(1-p))
		peak := logFactorial(mode) + logFactorial(trials-mode)
		if math.Log(v*scale/(a/(side*side)+b)) <= peak-logFactorial(k)-logFactorial(trials-k)+(k-mode)*odds {
			return int(k)
		}
	}
}

func logFactorial(k float64) float64 {
	l, _ := math.Lgamma(k + 1)
	return l
}

// geometric draws a size of 1 or more with the given mean.
func geometric(r *rand.Rand, mean float64) int {
	if mean <= 1 {
		return 1
	}
	return 1 + int(math.Log(1-r.Float64())/math.Log1p(-1/mean))
}

// groupBits is how many random bits choose one of stagger.Groups, and perWord
// how many such choices a random word holds.
const (
	groupBits = 4
	perWord   = 64 / groupBits
)

// scatter puts each of n into one of sixteen groups, all alike.
func scatter(r *rand.Rand, n uint64, into *[1 << groupBits]uint64) {
	for n > 0 {
		word := r.Uint64()
		for range min(n, perWord) {
			into[word&(1<<groupBits-1)]++
			word >>= groupBits
		}
		n -= min(n, perWord)
	}
}
