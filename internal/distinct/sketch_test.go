package distinct_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stagger-dev/stagger/internal/distinct"
)

func TestEstimateIsWithinItsError(t *testing.T) {
	for _, n := range []int{0, 1, 10, 57, 1000, 5000, 20_000, 300_000} {
		squares, runs := 0.0, 20
		for seed := range runs {
			random := rand.New(rand.NewPCG(uint64(seed), uint64(n)))
			var s distinct.Sketch
			for range n {
				s.Add(random.Uint64())
			}
			off := (s.Estimate() - float64(n)) / math.Max(float64(n), 1)
			squares += off * off
		}
		if deviation := math.Sqrt(squares / float64(runs)); deviation > 1.6*0.023 {
			t.Errorf("of %d the estimate is off by %.1f %%", n, 100*deviation)
		}
	}
}

// TestSubjectsOfACohortAreCounted draws hashes as those of a cohort are: below
// the weight, which fixes the highest bits.
func TestSubjectsOfACohortAreCounted(t *testing.T) {
	for _, weight := range []float64{1e-6, 0.001, 0.05, 0.5} {
		random := rand.New(rand.NewPCG(7, 7))
		var s distinct.Sketch
		const n = 20_000
		for range n {
			s.Add(random.Uint64N(uint64(weight * math.MaxUint64)))
		}
		if got := s.Estimate(); math.Abs(got-n) > 0.08*n {
			t.Errorf("at a weight of %g, %d subjects are estimated as %.0f", weight, n, got)
		}
	}
}

func TestSameSubjectCountsOnce(t *testing.T) {
	var s distinct.Sketch
	for i := range uint64(100_000) {
		s.Add(i % 3 * 0x9e3779b97f4a7c15)
	}
	if got := s.Estimate(); math.Abs(got-3) > 0.1 {
		t.Errorf("three subjects are estimated as %.2f", got)
	}
}

func TestMergedSketchIsThatOfAll(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var a, b, both distinct.Sketch
	for i := range 3000 {
		hash := random.Uint64()
		both.Add(hash)
		if i%2 == 0 {
			a.Add(hash)
		} else {
			b.Add(hash)
		}
		if i%3 == 0 {
			b.Add(hash)
		}
	}
	a.Merge(&b)
	if a != both {
		t.Error("merging two sketches is not the sketch of both")
	}
}

func TestSketchIsReadBack(t *testing.T) {
	var s distinct.Sketch
	s.Add(12345)
	got, err := distinct.Restore(append([]byte(nil), s[:]...))
	if err != nil || *got != s {
		t.Errorf("read back %v", err)
	}
	for name, data := range map[string][]byte{"short": make([]byte, 9), "no rank": append(make([]byte, distinct.Registers-1), 60)} {
		if _, err := distinct.Restore(data); err == nil {
			t.Errorf("%s: is read", name)
		}
	}
}
