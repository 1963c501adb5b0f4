package balance

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestTurnsAreEven: after any number of turns everybody has had its share but
// for one or two of them.
func TestTurnsAreEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint64Range(1, 60), 1, 20).Draw(t, "weights")
		total := uint64(0)
		for _, w := range weights {
			total += w
		}
		turns := Turns(weights)
		had := make([]float64, len(weights))
		for n, at := range turns {
			had[at]++
			for i, w := range weights {
				due := float64(n+1) * float64(w) / float64(total)
				if math.Abs(had[i]-due) >= 2 {
					t.Fatalf("after %d turns of %v the place %d had %v, its due is %.2f", n+1, weights, i, had[i], due)
				}
			}
		}
		for i, w := range weights {
			if share := float64(w) / float64(total); math.Abs(had[i]/float64(len(turns))-share) > 1e-9 {
				t.Errorf("place %d had %v of %d turns, want a share of %.4f", i, had[i], len(turns), share)
			}
		}
	})
}

func TestTurnsAreBoundedAndNobodyIsLeftOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint64Range(1, 65_535_000), 1, 256).Draw(t, "weights")
		turns := Turns(weights)
		if len(turns) > maxTurns+len(weights) {
			t.Fatalf("%d turns", len(turns))
		}
		met := map[uint16]bool{}
		for _, at := range turns {
			met[at] = true
		}
		if len(met) != len(weights) {
			t.Errorf("%d of %d have a turn", len(met), len(weights))
		}
	})
}
