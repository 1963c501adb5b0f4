package balance

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// weightsOf draws weights as pools have them.
func weightsOf(t *rapid.T) []uint64 {
	return rapid.SliceOfN(rapid.Uint64Range(1, 65_535_000), 2, 40).Draw(t, "weights")
}

func TestTheFirstDrawFollowsTheWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := weightsOf(t)
		d := NewDraws(weights)
		chance := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		const n = 20_000
		met := make([]int, len(weights))
		for range n {
			first, _ := d.Two(chance.Uint64(), chance.Uint64())
			met[first]++
		}
		for i, w := range weights {
			p := float64(w) / float64(d.total)
			if off, most := math.Abs(float64(met[i])-n*p), 6*math.Sqrt(n*p*(1-p))+1; off > most {
				t.Errorf("place %d of weight %.4f was drawn %d times of %d", i, p, met[i], n)
			}
		}
	})
}

// TestTheSecondDrawFollowsTheWeightsOfTheOthers goes through the line in small
// steps instead of by chance: so each place's share is its weight to a step.
func TestTheSecondDrawFollowsTheWeightsOfTheOthers(t *testing.T) {
	weights := []uint64{1, 5, 2, 8}
	d := NewDraws(weights)
	const steps = 16 * 15 * 14 // divides evenly by what is left of the line, whoever was first
	for i, own := range weights {
		begin := uint64(0)
		for _, w := range weights[:i] {
			begin += w
		}
		// A number in the middle of the first's stretch.
		a := uint64((float64(begin) + float64(own)/2) / 16 * math.MaxUint64)
		met := make([]float64, len(weights))
		for k := range steps {
			first, second := d.Two(a, uint64((float64(k)+0.5)/steps*math.MaxUint64))
			if first != i {
				t.Fatalf("%d was drawn first instead of %d", first, i)
			}
			met[second]++
		}
		for k, w := range weights {
			want := float64(w) / float64(16-own) * steps
			if k == i {
				want = 0
			}
			if math.Abs(met[k]-want) > 1 {
				t.Errorf("after %d, %d was drawn %v times, want %v", i, k, met[k], want)
			}
		}
	}
}

func TestTwoDrawsAreNeverTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := weightsOf(t)
		if rapid.Bool().Draw(t, "all alike") {
			for i := range weights {
				weights[i] = weights[0]
			}
		}
		d := NewDraws(weights)
		first, second := d.Two(rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b"))
		if first == second || min(first, second) < 0 || max(first, second) >= len(weights) {
			t.Errorf("%d and %d of %d", first, second, len(weights))
		}
	})
}

// TestUnderLoadRequestsSpreadByWeight lets many requests be under way at a time,
// each leaving after one more has come.
func TestUnderLoadRequestsSpreadByWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint64Range(1, 20), 2, 8).Draw(t, "weights")
		d := NewDraws(weights)
		chance := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		load, met := make([]int64, len(weights)), make([]float64, len(weights))
		var under []int
		const n, atOnce = 20_000, 400
		for range n {
			first, second := d.Two(chance.Uint64(), chance.Uint64())
			at := d.Freer(first, second, load[first], load[second])
			load[at]++
			met[at]++
			if under = append(under, at); len(under) > atOnce {
				i := chance.IntN(len(under))
				load[under[i]]--
				under[i] = under[len(under)-1]
				under = under[:len(under)-1]
			}
		}
		for i, w := range weights {
			share := float64(w) / float64(d.total)
			if got := met[i] / n; math.Abs(got-share) > 0.03+0.1*share {
				t.Errorf("of weights %v the place %d got %.3f, want %.3f", weights, i, got, share)
			}
		}
	})
}

func TestAlikeTheLessBusyIsTaken(t *testing.T) {
	d := NewDraws([]uint64{3, 3})
	if d.Freer(0, 1, 2, 1) != 1 || d.Freer(0, 1, 1, 2) != 0 || d.Freer(1, 0, 1, 1) != 1 {
		t.Error("not the less busy, or not the first of two alike")
	}
}
