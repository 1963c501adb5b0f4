package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stagger-dev/stagger/internal/histogram"
)

// fits compares drawn counts with their distribution: the chi-square statistic
// over all counts expected at least ten times must be within five standard
// deviations of its mean.
func fits(t *testing.T, draw func(*rand.Rand) int, log func(k float64) float64, most int) {
	t.Helper()
	const n = 200_000
	random := rand.New(rand.NewPCG(1, 2))
	counts := make(map[int]int)
	for range n {
		counts[draw(random)]++
	}
	chi, degrees := 0.0, -1.0
	for k := range most + 1 {
		expected := n * math.Exp(log(float64(k)))
		if expected < 10 {
			continue
		}
		d := float64(counts[k]) - expected
		chi += d * d / expected
		degrees++
	}
	if limit := degrees + 5*math.Sqrt(2*degrees) + 5; chi > limit {
		t.Errorf("chi-square %.1f on %.0f degrees of freedom, want %.1f at most", chi, degrees, limit)
	}
	if degrees < 1 {
		t.Error("nothing was compared")
	}
}

func TestPoissonCounts(t *testing.T) {
	for _, mean := range []float64{0.3, 4, 9.99, 10, 45, 900} {
		t.Run(fmt.Sprint(mean), func(t *testing.T) {
			fits(t, func(r *rand.Rand) int { return poisson(r, mean) },
				func(k float64) float64 { return k*math.Log(mean) - mean - logFactorial(k) }, 2000)
		})
	}
}

func TestBinomialCounts(t *testing.T) {
	for _, row := range []struct {
		n int
		p float64
	}{{5, 0.5}, {1000, 0.001}, {40, 0.3}, {1000, 0.4}, {300, 0.97}} {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			n := float64(row.n)
			fits(t, func(r *rand.Rand) int { return binomial(r, row.n, row.p) }, func(k float64) float64 {
				if k > n {
					return math.Inf(-1)
				}
				return logFactorial(n) - logFactorial(k) - logFactorial(n-k) + k*math.Log(row.p) + (n-k)*math.Log1p(-row.p)
			}, row.n)
		})
	}
	random := rand.New(rand.NewPCG(1, 2))
	if got := [...]int{binomial(random, 7, 0), binomial(random, 7, 1), binomial(random, 0, 0.5)}; got != [...]int{0, 7, 0} {
		t.Errorf("at the ends: %v", got)
	}
}

func TestGeometricSizes(t *testing.T) {
	fits(t, func(r *rand.Rand) int { return geometric(r, 5) }, func(k float64) float64 {
		if k < 1 {
			return math.Inf(-1)
		}
		return (k-1)*math.Log(0.8) + math.Log(0.2)
	}, 200)
	if got := geometric(rand.New(rand.NewPCG(1, 2)), 1); got != 1 {
		t.Errorf("of mean 1: %d", got)
	}
}

func TestScatterLosesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var into [16]uint64
	const n = 16*10_000 + 7
	scatter(random, n, &into)
	total := uint64(0)
	for i, c := range into {
		total += c
		if c < 9_500 || c > 10_500 {
			t.Errorf("group %d has %d", i, c)
		}
	}
	if total != n {
		t.Errorf("%d of %d are left", total, n)
	}
}

// Both ways to draw a Poisson number of latencies have the same distribution.
func TestShapesAreDrawnAlikeBothWays(t *testing.T) {
	s := newShape(form{slow: 1})
	for _, mean := range []float64{manyExpected - 1, manyExpected + 1} {
		random := rand.New(rand.NewPCG(3, 4))
		var counts [buckets]uint32
		n := 0
		const ticks = 300
		for range ticks {
			n += s.draw(random, mean, &counts)
		}
		if want := ticks * mean; math.Abs(float64(n)-want) > 5*math.Sqrt(want) {
			t.Errorf("%d requests, want about %.0f", n, want)
		}
		chi, degrees := 0.0, 0.0
		for i, p := range s.chance {
			expected := p * ticks * mean
			if expected < 10 {
				continue
			}
			d := float64(counts[int(s.first)-int(histogram.MinIndex)+i]) - expected
			chi += d * d / expected
			degrees++
		}
		if limit := degrees + 5*math.Sqrt(2*degrees); chi > limit {
			t.Errorf("of mean %.0f: chi-square %.0f on %.0f degrees of freedom", mean, chi, degrees)
		}
	}
}
